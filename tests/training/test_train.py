"""Whole runs of a few steps. Run by `make test-training`, which installs PyTorch."""

from __future__ import annotations

import csv
import io
import shlex
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from coco_album import write_coco
from PIL import Image
from rich.console import Console
from typer.testing import CliRunner

torch = pytest.importorskip("torch", reason="training needs PyTorch: make test-training")

from model.config import EDGE  # noqa: E402
from model.runtime.errors import TrainingError  # noqa: E402
from model.training.cli import app  # noqa: E402
from model.training.recipe import Recipe, make_recipe  # noqa: E402
from model.training.story import read_header  # noqa: E402
from model.training.train import train  # noqa: E402
from model.weights.class_list import read_classes  # noqa: E402
from model.weights.import_model import import_model  # noqa: E402

STEPS = 4


@pytest.fixture(scope="module", autouse=True)
def _one_thread():
    # Threads that wait for each other take longer than steps this small.
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


class Witness(io.StringIO):
    """A terminal where something happens as soon as a text is printed."""

    def __init__(self, text: str, happens: Callable[[], object]) -> None:
        super().__init__()
        self.text, self.happens = text, happens

    def write(self, text: str) -> int:
        if self.text in text:
            self.happens()
        return super().write(text)


def recipe(folder: Path, **options: object) -> Recipe:
    values = {"data": [folder / "train.json"], "steps": STEPS, "batch": 2, "sides": [64]}
    return make_recipe(values | options, None)


def with_val(folder: Path) -> Recipe:
    """Four steps, scored after the second and the fourth."""
    return recipe(folder, val=folder / "val.json", evaluate_every=2)


def quietly(chosen: Recipe, run: Path, witness: io.StringIO | None = None):
    return train(chosen, run, Console(file=witness or io.StringIO(), width=200))


def weights(path: Path) -> dict[str, torch.Tensor]:
    saved = torch.load(path)
    return {f"{part}.{n}": v for part in ("model", "last") for n, v in saved[part].items()}


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("album")
    write_coco(folder, "train", 4)
    write_coco(folder, "val", 1)
    return folder


@pytest.fixture(scope="module")
def finished(pictures: Path) -> Path:
    """A run that nothing interrupted."""
    assert quietly(with_val(pictures), pictures / "run") is None
    return pictures / "run"


def test_interrupted_run_goes_on_as_if_it_never_was(finished: Path, pictures: Path, tmp_path: Path):
    witness = Witness("step 2:", lambda: signal.raise_signal(signal.SIGINT))
    assert quietly(with_val(pictures), tmp_path, witness) == signal.SIGINT
    assert f"To go on: maskdrop model train --run {tmp_path}" in witness.getvalue()
    assert torch.load(tmp_path / "checkpoint.pth")["progress"]["step"] == 2

    quietly(with_val(pictures), tmp_path)
    expected = weights(finished / "checkpoint.pth")
    found = weights(tmp_path / "checkpoint.pth")
    assert all(found[name].equal(value) for name, value in expected.items())
    assert [row[3:] for row in rows(tmp_path / "losses.csv")] == [
        row[3:] for row in rows(finished / "losses.csv")
    ]


def test_mean_of_the_cycles_ends_is_what_counts(pictures: Path, tmp_path: Path):
    run = tmp_path / "run"
    in_two = recipe(pictures, val=pictures / "val.json", evaluate_every=2, cycles=2)
    witness = Witness("step 2:", lambda: signal.raise_signal(signal.SIGINT))
    assert quietly(in_two, run, witness) == signal.SIGINT
    first = torch.load(run / "checkpoint.pth")
    assert quietly(in_two, run) is None
    both = torch.load(run / "checkpoint.pth")
    assert (first["ends"], both["ends"]) == (1, 2)
    for name, value in both["model"].items():
        assert value.allclose((first["model"][name] + both["average"][name]) / 2, atol=1e-7), name


def test_last_cycle_counts_though_an_evaluation_used_up_the_time(
    pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    def slow(*args: object, **options: object) -> dict[str, float]:
        time.sleep(minutes * 60)
        return {"AP": 0.0, "AP50": 0.0}

    minutes = 0.05
    monkeypatch.setattr("model.training.train.validate", slow)
    options = {"steps": None, "minutes": minutes, "evaluate_every": 1e-6, "cycles": 2}
    in_two = recipe(pictures, val=pictures / "val.json", **options)
    quietly(in_two, tmp_path)
    assert torch.load(tmp_path / "checkpoint.pth")["ends"] == 1


def rows(path: Path) -> list[list[str]]:
    with path.open(newline="") as file:
        return list(csv.reader(file))


def test_run_keeps_losses_scores_and_their_picture(finished: Path):
    assert len(rows(finished / "losses.csv")) == STEPS + 1
    # The one photograph of the validation has no cat.
    assert rows(finished / "scores.csv")[0] == ["step", "seconds", "AP", "AP50", "AP person"]
    assert [row[0] for row in rows(finished / "scores.csv")[1:]] == ["2", "4"]
    with Image.open(finished / "curves.png") as picture:
        assert picture.size == (900, 700)


def test_header_tells_command_hours_and_scores(finished: Path):
    header = read_header(finished / "recipe.toml")
    progress = torch.load(finished / "checkpoint.pth")["progress"]
    assert header["steps"] == str(STEPS)
    assert header["hours"] == f"{progress['seconds'] / 3600:.2f}"
    best = progress["scores"]
    assert header["scores"] == f"AP {best['AP']:.3f}, AP50 {best['AP50']:.3f}"
    assert float(rows(finished / "scores.csv")[-1][2]) <= best["AP"]

    again = CliRunner().invoke(app, shlex.split(header["command"])[3:])
    assert again.exit_code == 0, again.output
    assert "goes on from step 4" in again.output
    assert f"Trained {STEPS} steps" in again.output


@pytest.mark.parametrize("name", ["best.pth", "checkpoint.pth"])
def test_import_needs_nothing_else(name: str, finished: Path, tmp_path: Path):
    classes = read_classes(finished / "classes.txt")
    assert [each.name for each in classes] == ["person", "cat"]
    assert (import_model(finished / name, EDGE, classes, tmp_path, "pets") / "weights.npz").exists()


def test_photograph_that_vanishes_ends_the_run_with_all_saved(album: Path):
    photographs = (album / "images").glob("train-*.png")
    witness = Witness("Starts from", lambda: [path.unlink() for path in photographs])
    with pytest.raises(TrainingError) as error:
        quietly(recipe(album), album / "run", witness)
    assert "images/train-" in str(error.value)
    assert "Step 0 is saved: the same command goes on from there." in str(error.value)


def test_loss_that_is_no_number_keeps_the_last_good_checkpoint(album: Path):
    with pytest.raises(TrainingError, match=r"over .*train-\d\.png.*lower --lr") as error:
        quietly(recipe(album, lr=1e30), album / "run")
    assert "Step 0 is saved" in str(error.value)
    kept = weights(album / "run/checkpoint.pth")
    assert all(value.isfinite().all() for value in kept.values())


def test_run_with_a_checkpoint_of_another_preset_is_left_alone(album: Path):
    (album / "run").mkdir()
    torch.save({"preset": "coco-r50"}, album / "run/checkpoint.pth")
    with pytest.raises(TrainingError, match="of the preset coco-r50, not of edge"):
        quietly(recipe(album), album / "run")
    assert torch.load(album / "run/checkpoint.pth") == {"preset": "coco-r50"}
