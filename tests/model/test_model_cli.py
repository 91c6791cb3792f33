from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from checkpoint_writer import write_checkpoint
from painting import encoded, painted, photo
from typer.testing import CliRunner

from handler.commands.main import app
from model.config import EDGE
from model.runtime.manifest import ModelManifest
from model.weights.torchvision import expected_shapes
from model.weights.version_folder import preset_of


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Run `maskdrop model` in an empty folder, on a wide terminal."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "160")
    return lambda *words: CliRunner().invoke(app, ["model", *map(str, words)])


@pytest.fixture
def album(tmp_path):
    """Three photographs of a person and a cat each."""
    folder = tmp_path / "album"
    folder.mkdir()
    for number in range(3):
        (folder / f"{number}.png").write_bytes(photo(128 + 16 * number, 96))
    return folder


@pytest.fixture
def checkpoint(tmp_path):
    """An `edge` checkpoint of two classes."""
    shapes = expected_shapes(EDGE, num_classes=3)
    state = {name: np.full(shape, 0.5, np.float32) for name, shape in shapes.items()}
    return write_checkpoint(tmp_path / "pets.pth", state)


def test_imported_checkpoint_is_listed_and_described(run, checkpoint, tmp_path):
    (tmp_path / "classes.txt").write_text("person\ncat\n")
    imported = run("import", checkpoint, "--preset", "edge", "--classes", "classes.txt")
    assert imported.exit_code == 0, imported.output
    assert "Imported into models/pets/1." in imported.output
    assert "pets" in run("list").output
    assert json.loads(run("info", "pets", "--json").output)["classes"][1]["name"] == "cat"
    assert "person, cat" in run("info", "pets").output


def test_embedded_model_is_named_for_what_it_is(run):
    listed = " ".join(run("list").output.split())
    assert "mask_rcnn_edge is a small demonstration model of six classes." in listed
    assert "maskdrop model fetch coco-r50-v2" in listed


def test_help_gives_the_published_scores(run):
    words = " ".join(run("fetch", "--help").output.replace("│", " ").split())
    assert "coco-r50 (37.9 box, 34.6 mask), coco-r50-v2 (47.4 box, 41.8 mask)" in words


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "the file is empty"),
        (b"<html><title>Sign in</title></html>", "a web page, 'Sign in'"),
        (b"version https://git-lfs.github.com/spec/v1\nsize 9\n", "git lfs pull"),
    ],
)
def test_what_is_no_checkpoint_is_told_by_content(run, tmp_path, content, told):
    (tmp_path / "mine.pth").write_bytes(content)
    refused = run("import", "mine.pth", "--preset", "coco-r50")
    assert refused.exit_code == 1
    assert told in " ".join(refused.output.split())


def test_another_networks_weights_are_named(run, tmp_path):
    path = write_checkpoint(tmp_path / "mine.pth", {"fc.weight": np.zeros(3, np.float32)})
    refused = run("import", path, "--preset", "coco-r50")
    assert "weights of a classifier" in " ".join(refused.output.split())


def test_folder_of_another_models_graph_is_told(run, tmp_path):
    (tmp_path / "saved_model.pb").write_bytes(b"")
    refused = run("import", tmp_path, "--preset", "coco-r50")
    assert "a TensorFlow SavedModel" in " ".join(refused.output.split())


def test_version_without_its_weights_says_so(run, checkpoint, tmp_path):
    (tmp_path / "classes.txt").write_text("person\ncat\n")
    run("import", checkpoint, "--preset", "edge", "--classes", "classes.txt")
    assert "not here" not in run("info", "pets").output
    (tmp_path / "models/pets/1/weights.npz").unlink()
    assert "MB, not here" in run("info", "pets").output
    assert "0.0 MB" in run("list").output


def test_photographs_enter_larger_or_smaller_when_told(run, checkpoint, tmp_path):
    (tmp_path / "classes.txt").write_text("person\ncat\n")
    words = ("import", checkpoint, "--preset", "edge", "--classes", "classes.txt")
    refused = run(*words, "--long-side", 600)
    assert refused.exit_code == 2
    assert "600 is not a multiple of 32" in refused.output
    assert not (tmp_path / "models").exists()

    assert run(*words, "--long-side", 640).exit_code == 0
    network = preset_of(ModelManifest.load(tmp_path / "models/pets/1"))
    assert network == replace(
        EDGE,
        min_size=640,
        max_size=640,
        buckets={"landscape": (480, 640), "portrait": (640, 480), "square": (640, 640)},
    )


def test_more_proposals_reach_the_box_head_when_told(run, checkpoint, tmp_path):
    (tmp_path / "classes.txt").write_text("person\ncat\n")
    words = ("import", checkpoint, "--preset", "edge", "--classes", "classes.txt")
    refused = run(*words, "--proposals", 301)
    assert refused.exit_code == 2
    assert "301 is more than the 300" in refused.output
    assert not (tmp_path / "models").exists()

    assert run(*words, "--proposals", 200).exit_code == 0
    manifest = ModelManifest.load(tmp_path / "models/pets/1")
    assert manifest.preset_changes == {"rpn_post_nms_top_n": 200}
    assert preset_of(manifest) == replace(EDGE, rpn_post_nms_top_n=200)


def test_proposals_overlap_as_far_as_told(run, checkpoint, tmp_path):
    (tmp_path / "classes.txt").write_text("person\ncat\n")
    words = ("import", checkpoint, "--preset", "edge", "--classes", "classes.txt")
    assert run(*words, "--proposal-overlap", 1.5).exit_code == 2
    assert run(*words, "--proposal-overlap", 0.6).exit_code == 0
    manifest = ModelManifest.load(tmp_path / "models/pets/1")
    assert manifest.preset_changes == {"rpn_nms_thresh": 0.6}
    assert preset_of(manifest) == replace(EDGE, rpn_nms_thresh=0.6)


@pytest.mark.parametrize("name", ["../../away", ".", ".hidden", "a/b", "c:d"])
def test_name_that_would_leave_the_folder_is_refused(run, checkpoint, tmp_path, name):
    (tmp_path / "classes.txt").write_text("person\ncat\n")
    words = ("import", checkpoint, "--preset", "edge", "--classes", "classes.txt")
    answer = run(*words, "--name", name)
    assert answer.exit_code == 1
    assert "cannot be a model's name" in " ".join(answer.output.split())
    assert not (tmp_path / "models").exists()


def test_next_command_can_be_pasted_whatever_the_files_name(run, checkpoint, tmp_path):
    (tmp_path / "classes.txt").write_text("person\ncat\n")
    named = checkpoint.rename(tmp_path / "my pets (1).pth")
    answer = run("import", named, "--preset", "edge", "--classes", "classes.txt")
    assert "maskdrop model export 'models/my pets (1)/1' --calibration" in answer.output


def test_a_folder_is_no_checkpoint(run, tmp_path):
    answer = run("import", ".", "--preset", "detectron2-r50")
    assert answer.exit_code == 1
    assert "this is a folder" in " ".join(answer.output.split())


def test_checkpoint_of_another_architecture_is_refused_in_one_sentence(run, checkpoint):
    answer = run("import", checkpoint, "--preset", "coco-r50")
    assert answer.exit_code == 1
    assert "does not fit the preset coco-r50" in answer.output
    assert "Traceback" not in answer.output


def test_preset_without_published_weights_asks_for_classes(run, checkpoint):
    answer = run("import", checkpoint, "--preset", "edge")
    assert answer.exit_code == 1
    assert "--classes" in answer.output


def test_verify_compares_two_models_on_photographs(run, colour_model, album):
    answer = run("verify", colour_model, "--against-backend", "litert", "--photos", album)
    assert answer.exit_code == 0, answer.output
    # 3 photographs, 6 objects found in both, none missed, none extra.
    assert answer.output.splitlines()[-1].split()[:5] == ["litert", "3", "6", "0", "0"]


def test_verifying_nothing_against_nothing_fails(run, colour_model, tmp_path):
    (tmp_path / "grey").mkdir()
    (tmp_path / "grey/0.png").write_bytes(encoded(painted(96, 96)))
    words = ("--against-backend", "litert", "--photos", tmp_path / "grey")
    answer = run("verify", colour_model, *words)
    assert answer.exit_code == 1
    assert "so nothing was compared" in " ".join(answer.output.split())


def test_empty_folder_of_photographs_is_named(run, colour_model, tmp_path):
    answer = run("verify", colour_model, "--against-backend", "litert", "--photos", tmp_path)
    assert answer.exit_code == 1
    assert "holds no photograph" in answer.output


def test_bench_times_models_in_turns(run, colour_model, album):
    answer = run("bench", colour_model, colour_model, "--photo", album / "0.png", "--rounds", "2")
    assert answer.exit_code == 0, answer.output
    assert answer.output.count(" ms") == 4
