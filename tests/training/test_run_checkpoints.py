"""Run by `make test-training`, which installs PyTorch."""

from __future__ import annotations

from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="training needs PyTorch: make test-training")

from model.runtime.errors import TrainingError  # noqa: E402
from model.runtime.manifest import ModelClass  # noqa: E402
from model.training.checkpoints import Progress, TrainingState, write_whole  # noqa: E402
from model.training.moving_average import CycleMean, MovingAverage  # noqa: E402


def state(preset: str = "edge", names: tuple[str, ...] = ("cat",)) -> TrainingState:
    """A run of a network of six numbers."""
    model = torch.nn.Linear(2, 2)
    optimizer = torch.optim.AdamW(model.parameters())
    classes = [ModelClass(number, name) for number, name in enumerate(names, start=1)]
    return TrainingState(
        preset, classes, model, MovingAverage(model), CycleMean(model), optimizer, Progress()
    )


def take_step(run: TrainingState) -> None:
    run.optimizer.zero_grad()
    run.model(torch.ones(1, 2)).sum().backward()
    run.optimizer.step()
    run.average.update(run.model, run.progress.step)
    run.progress.step += 1


def test_restored_run_takes_the_same_next_step(tmp_path: Path):
    first, second = state(), state()
    take_step(first)
    first.save(tmp_path)
    second.restore(tmp_path)
    take_step(first)
    take_step(second)
    assert second.progress == first.progress
    assert second.model.weight.equal(first.model.weight)
    assert second.average.model.weight.equal(first.average.model.weight)


def test_mean_of_the_cycles_ends_is_restored_and_goes_on(tmp_path: Path):
    first, second = state(), state()
    ends = []
    for run in (first, first, second):
        take_step(run)
        run.ends.add(run.average.model)
        ends.append(run.average.model.weight.clone())
        if run is first:
            first.save(tmp_path)
            second.restore(tmp_path)
    assert second.ends.count == 3
    assert second.weights.weight.allclose(torch.stack(ends).mean(0))
    assert second.average.model.weight.equal(ends[-1])


def test_full_disk_leaves_the_checkpoint_and_says_so(tmp_path: Path):
    path = tmp_path / "checkpoint.pth"
    write_whole(path, {"step": 1})
    (tmp_path / "checkpoint.pth.part").symlink_to("/dev/full")
    with pytest.raises(TrainingError, match=r"could not be written \(No space left on device;"):
        write_whole(path, {"step": 2, "weights": torch.zeros(100_000)})
    assert torch.load(path) == {"step": 1}
    assert list(tmp_path.iterdir()) == [path]


def test_run_of_another_preset_is_not_gone_on_with(tmp_path: Path):
    state("coco-r50").save(tmp_path)
    with pytest.raises(TrainingError, match="of the preset coco-r50, not of edge; choose another"):
        state().restore(tmp_path)


def test_run_of_other_classes_is_not_gone_on_with(tmp_path: Path):
    state().save(tmp_path)
    with pytest.raises(TrainingError, match=r"learns 1 \(cat\); the data now asks"):
        state(names=("cat", "dog")).restore(tmp_path)


def test_damaged_checkpoint_is_named(tmp_path: Path):
    (tmp_path / "checkpoint.pth").write_bytes(b"PK")
    with pytest.raises(TrainingError, match=r"checkpoint\.pth cannot be read"):
        state().restore(tmp_path)
