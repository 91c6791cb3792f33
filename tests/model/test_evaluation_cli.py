"""`maskdrop model evaluate` and `card`, on the colour model and painted photographs."""

from __future__ import annotations

import json
import re
import shutil

import pytest
from coco_files import thing
from painting import photo
from PIL import Image
from typer.testing import CliRunner

from handler.commands.main import app
from model.runtime.manifest import ModelManifest

RED, GREEN = (16, 24, 48, 24), (64, 48, 64, 48)


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Run `maskdrop model` in an empty folder, on a terminal of 80 columns."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    return lambda *words: CliRunner().invoke(app, ["model", *map(str, words)])


@pytest.fixture
def colours(colour_model, tmp_path):
    """A copy of the colour model, which may be written to."""
    return shutil.copytree(colour_model, tmp_path / "colours" / "1")


@pytest.fixture
def truth(tmp_path):
    """Two photographs of a red person and a green cat; the second person is not where it was."""
    (tmp_path / "images").mkdir()
    for number in (1, 2):
        (tmp_path / "images" / f"{number}.png").write_bytes(photo(128, 96))
    things = [thing(1, 1, RED), thing(1, 17, GREEN), thing(2, 1, GREEN), thing(2, 17, GREEN)]
    things.append(thing(2, 3, RED))
    data = {
        "images": [{"id": n, "file_name": f"{n}.png", "width": 128, "height": 96} for n in (1, 2)],
        "annotations": things,
        "categories": [
            {"id": i, "name": name} for i, name in ((1, "person"), (17, "cat"), (3, "car"))
        ],
    }
    file = tmp_path / "truth.json"
    file.write_text(json.dumps(data))
    return file


def test_scores_are_printed_and_kept_in_the_manifest(run, colours, truth):
    before = ModelManifest.load(colours)
    answer = run("evaluate", colours, "--data", truth, "--bootstrap", "20", "--record")

    assert answer.exit_code == 0, answer.output
    assert re.search(r"^cat +2 +1\.000 \(1\.00–1\.00\)", answer.output, re.MULTILINE)
    after = ModelManifest.load(colours)
    assert after.scores["litert"]["truth.json"]["segm"]["classes"][1]["ap"] == pytest.approx(1)
    assert after.digest == before.digest


def test_scores_are_kept_only_when_asked_and_beside_those_of_other_data(run, colours, truth):
    before = (colours / "manifest.json").read_bytes()
    run("evaluate", colours, "--data", truth, "--bootstrap", "0")
    assert (colours / "manifest.json").read_bytes() == before

    for text in (truth.read_text(), truth.read_text() + " ", truth.read_text()):
        truth.write_text(text)
        answer = run("evaluate", colours, "--data", truth, "--bootstrap", "0", "--record")
        assert answer.exit_code == 0, answer.output
    kept = ModelManifest.load(colours).scores["litert"]
    assert len(kept) == 2
    assert len({each["data_sha256"] for each in kept.values()}) == 2
    assert re.fullmatch(r"truth\.json \([0-9a-f]{8}\)", list(kept)[1])


def test_what_is_not_scored_is_said(run, colours, truth):
    output = run("evaluate", colours, "--data", truth).output
    assert "does not know, so not scored: car." in output
    assert "Not in truth.json, so not scored: dog." in output


def test_table_fits_eighty_columns(run, colours, truth):
    lines = run("evaluate", colours, "--data", truth).stdout.splitlines()
    rows = [line for line in lines if line.startswith("all ")]
    assert len(rows[0].split("(")) == 3
    assert not [line for line in rows if "…" in line or len(line) > 80]


def test_report_has_pictures_and_what_was_found(run, colours, truth, tmp_path):
    answer = run("evaluate", colours, "--data", truth, "--report", tmp_path / "report")

    assert answer.exit_code == 0, answer.output
    results = json.loads((tmp_path / "report" / "results.json").read_text())
    assert [each["category_id"] for each in results] == [1, 17, 1, 17]
    for name in ("curves.png", "confusion.png", "worst.jpg"):
        with Image.open(tmp_path / "report" / name) as picture:
            assert min(picture.size) > 400


def test_missing_photograph_ends_the_command_with_one_sentence(run, colours, truth, tmp_path):
    (tmp_path / "images" / "2.png").unlink()
    answer = run("evaluate", colours, "--data", truth)
    assert answer.exit_code == 1
    assert "2.png (image 2)" in answer.output
    assert "has an error; nothing was computed" in " ".join(answer.output.split())


def test_photograph_of_another_size_is_named(run, colours, truth, tmp_path):
    (tmp_path / "images" / "2.png").write_bytes(photo(64, 48))
    answer = run("evaluate", colours, "--data", truth)
    assert answer.exit_code == 1
    assert "128×96 is stated; the file's is 64×48" in " ".join(answer.output.split())


def test_saved_model_that_was_not_exported_is_said_to_be_missing(run, colours, truth):
    answer = run("evaluate", colours, "--data", truth, "--artifact", "saved_model")
    assert answer.exit_code == 1
    assert "has no SavedModel; `maskdrop model export` writes one" in answer.output


def test_card_gets_the_manifests_scores_between_its_markers(run, colours, truth, tmp_path):
    card = tmp_path / "card.md"
    card.write_text("Before.\n<!-- scores -->\nold\n<!-- /scores -->\nAfter.\n")
    run("evaluate", colours, "--data", truth, "--bootstrap", "0", "--record")

    assert run("card", colours, card).exit_code == 0
    assert "| cat | 2 | 1.000 | 1.000 | 1.000 | 1.000 | 1.000 | 1.000 |" in card.read_text()
    assert card.read_text().startswith("Before.\n<!-- scores -->\nVersion 1, `.tflite`")
    assert "old" not in card.read_text()


def test_card_of_a_model_without_scores_is_refused(run, colours, tmp_path):
    card = tmp_path / "card.md"
    card.write_text("<!-- scores -->\n<!-- /scores -->\n")
    answer = run("card", colours, card)
    assert answer.exit_code == 1
    assert "has no scores" in answer.output


def test_card_without_markers_is_left_alone(run, colours, truth, tmp_path):
    card = tmp_path / "card.md"
    card.write_text("Mine.\n")
    run("evaluate", colours, "--data", truth)
    answer = run("card", colours, card)
    assert "lacks the lines <!-- scores -->" in answer.output
    assert card.read_text() == "Mine.\n"


def test_false_alarms_are_printed_reported_and_put_on_the_card(run, colours, truth, tmp_path):
    data = json.loads(truth.read_text()) | {"annotations": []}
    data["images"][0]["shows"] = ["tiger"]
    data["images"][1]["labeled_category_ids"] = [17]
    negatives = tmp_path / "negatives.json"
    negatives.write_text(json.dumps(data))
    words = ("evaluate", colours, "--data", truth, "--negatives", negatives, "--bootstrap", "0")

    answer = run(*words, "--record", "--report", tmp_path / "report")

    assert answer.exit_code == 0, answer.output
    assert re.search(r"^tiger +1 +1 of 1 +1 of 1", answer.output, re.MULTILINE)
    kept = json.loads((tmp_path / "report" / "negatives.json").read_text())
    assert kept["rows"][-1]["found"]["cat"] == [2, 2]
    card = tmp_path / "card.md"
    card.write_text("<!-- scores -->\n<!-- /scores -->\n")
    assert run("card", colours, card).exit_code == 0
    assert "| tiger | 1 | 1 of 1 | 1 of 1 |" in card.read_text()


def test_photographs_of_negatives_need_negatives(run, colours, truth, tmp_path):
    answer = run("evaluate", colours, "--data", truth, "--negative-images", tmp_path)
    assert answer.exit_code == 2
    assert "without --negatives" in " ".join(answer.output.split())
