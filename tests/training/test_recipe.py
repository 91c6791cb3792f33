from __future__ import annotations

import json
from pathlib import Path

import pytest

from model.runtime.errors import TrainingError
from model.training.recipe import make_recipe
from model.training.story import Story, read_header, write_recipe

RECIPES = Path(__file__).parents[2] / "model/training/recipes"
ZOO = Path(__file__).parents[2] / "model/zoo"


def recipe_file(folder: Path, text: str) -> Path:
    path = folder / "recipe.toml"
    path.write_text(text)
    return path


def test_options_win_over_the_file(tmp_path: Path):
    file = recipe_file(tmp_path, 'data = ["a.json"]\nlr = 0.1\nbatch = 2\n')
    recipe = make_recipe({"lr": 0.2}, file)
    assert (recipe.lr, recipe.batch, recipe.data) == (0.2, 2, (Path("a.json"),))


def test_another_length_replaces_the_files(tmp_path: Path):
    file = recipe_file(tmp_path, 'data = ["a.json"]\nminutes = 60\n')
    assert make_recipe({"steps": 5}, file).minutes is None


def test_other_data_replaces_how_often_the_files_was_seen(tmp_path: Path):
    file = recipe_file(tmp_path, 'data = ["a.json", "b.json"]\nrepeat = [2, 1]\n')
    assert make_recipe({}, file).repeat == (2, 1)
    assert make_recipe({"data": ["c.json"]}, file).repeat == ()
    assert make_recipe({"repeat": ["3", "1"]}, file).repeat == (3, 1)


def test_photographs_are_looked_for_beside_the_annotations():
    recipe = make_recipe({"data": ["pets/train.json"], "val": "pets/val.json"}, None)
    assert recipe.images == (Path("pets/images"),)
    assert recipe.val_images == Path("pets/images")


def test_preset_brings_its_own_learning_rate_and_sizes():
    edge = make_recipe({"data": ["a.json"]}, None)
    coco = make_recipe({"data": ["a.json"], "preset": "coco-r50"}, None)
    assert edge.lr > coco.lr
    assert max(edge.sides) < min(coco.sides)


def test_written_recipe_is_read_as_it_was(tmp_path: Path):
    options = {"data": ['caf"é\\.json'], "from": "a.pth", "classes": [17, 1], "steps": 3}
    recipe = make_recipe(options, None)
    assert make_recipe({}, recipe_file(tmp_path, recipe.toml())) == recipe


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({}, "There is nothing to learn from: name a COCO file with --data."),
        ({"data": ["a"], "batch": 0}, "batch is 0: input should be greater than or equal to 1."),
        ({"data": ["a"], "minutes": 1, "steps": 1}, "Give either minutes or steps."),
        (
            {"data": ["a", "b"], "images": ["c"]},
            "2 data files and 1 image folders are given; each file needs its own folder.",
        ),
        (
            {"data": ["a", "b"], "repeat": [2]},
            "Repeat has 1 numbers for 2 data files; each file needs its own.",
        ),
        (
            {"data": ["a", "b"], "stretch": [1.5]},
            "Stretch has 1 numbers for 2 data files; each file needs its own.",
        ),
        (
            {"data": ["a"], "zoom": ["0.1", "0.5"]},
            "zoom is '0.5': input should be greater than or equal to 1.",
        ),
        (
            {"data": ["a"], "layers": "none"},
            "layers is 'none': input should be 'all' or 'heads'.",
        ),
        (
            {"data": ["a"], "preset": "vgg"},
            "'vgg' is no preset; there are edge, coco-r50, coco-r50-v2.",
        ),
    ],
)
def test_mistake_is_told_in_a_sentence(options: dict[str, object], sentence: str):
    with pytest.raises(TrainingError) as error:
        make_recipe(options, None)
    assert str(error.value) == sentence


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("batch = ", "is not TOML"),
        ('data = ["a"]\nbatches = 3', "'batches' is no setting of a recipe"),
        ('data = ["a"]\nsides = [8]', "sides is 8"),
    ],
)
def test_mistake_in_a_file_names_the_file(text: str, said: str, tmp_path: Path):
    file = recipe_file(tmp_path, text)
    with pytest.raises(TrainingError, match=said) as error:
        make_recipe({}, file)
    assert str(file) in str(error.value)


def test_header_tells_what_became_of_a_recipe(tmp_path: Path):
    recipe = make_recipe({"data": ["a.json"], "steps": 2000}, None)
    command = recipe.command(Path("runs/a"))
    story = Story(command, seconds=5400, steps=1234, scores={"AP": 0.4527, "AP50": 0.7582})
    write_recipe(tmp_path, recipe, story)
    assert read_header(tmp_path / "recipe.toml") == {
        "command": command,
        "hours": "1.50",
        "steps": "1,234",
        "scores": "AP 0.453, AP50 0.758",
    }
    assert make_recipe({}, tmp_path / "recipe.toml") == recipe


def test_embedded_models_recipe_states_the_scores_of_its_newest_version():
    versions = (ZOO / "mask_rcnn_edge").iterdir()
    newest = max((int(folder.name), folder) for folder in versions if folder.name.isdecimal())[1]
    manifest = json.loads((newest / "manifest.json").read_text())
    masks = manifest["scores"]["litert"]["instances_val.json"]["segm"]
    header = read_header(RECIPES / "edge.toml")
    assert header["scores"] == f"AP {masks['ap']:.3f}, AP50 {masks['ap50']:.3f}"
    assert f"trained {float(header['hours']) * 60:.0f} minutes" in manifest["source"]
    assert f"{header['steps']} steps" in manifest["source"]


def test_embedded_models_recipe_learns_its_classes():
    recipe = make_recipe({"data": ["train.json"]}, RECIPES / "edge.toml")
    manifest = json.loads((ZOO / "mask_rcnn_edge/4/manifest.json").read_text())
    assert list(recipe.classes) == [each["id"] for each in manifest["classes"]]
