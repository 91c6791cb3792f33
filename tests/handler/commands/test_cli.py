import json
import subprocess
import sys

import pytest
from painting import encoded, painted, photo
from typer.testing import CliRunner

from handler.commands.main import app


@pytest.fixture
def run(colour_model, tmp_path, monkeypatch):
    """Run the command in an empty folder, on the colour model."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MASKDROP_MODEL", str(colour_model))
    return lambda *arguments, **options: CliRunner().invoke(app, arguments, **options)


@pytest.fixture
def album(tmp_path):
    """A folder with two photographs, one of them numbered as COCO's are."""
    folder = tmp_path / "album"
    folder.mkdir()
    (folder / "000000000139.jpg").write_bytes(photo(640, 480, "JPEG", quality=95))
    (folder / "empty.png").write_bytes(encoded(painted(64, 64)))
    return folder


def test_folder_is_detected_into_out(run, album, tmp_path):
    answer = run("detect", "album")
    assert answer.exit_code == 0
    assert sorted(each.name for each in (tmp_path / "out/000000000139").iterdir()) == [
        "instances",
        "labels.png",
        "manifest.json",
        "overlay.jpg",
    ]
    assert (tmp_path / "out/empty/overlay.jpg").exists()


def test_table_tells_what_was_found_and_where_it_is(run, album):
    lines = run("detect", "album", "--out", "found", env={"COLUMNS": "120"}).stdout.splitlines()
    assert lines[0].split() == ["Photograph", "Size", "Found", "Seconds", "Results"]
    assert "1 person (0.90), 1 cat (0.80)" in lines[1]
    assert lines[1].rstrip().endswith("found/000000000139/")
    assert "nothing" in lines[2]


def test_json_is_all_of_standard_output(run, album, tmp_path):
    answer = run("detect", "album", "--json")
    manifests = json.loads(answer.stdout)
    assert [each["source"]["filename"] for each in manifests] == ["000000000139.jpg", "empty.png"]
    assert [len(each["detections"]) for each in manifests] == [2, 0]
    assert answer.stderr == ""
    assert not (tmp_path / "out").exists()


def test_json_and_files_together(run, album, tmp_path):
    answer = run("detect", "album", "--json", "--out", "found", "--outputs", "labels")
    assert [each["outputs"] for each in json.loads(answer.stdout)] == [["labels.png"]] * 2
    assert (tmp_path / "found/empty/labels.png").exists()


def test_json_without_a_success_is_an_empty_array(run):
    answer = run("detect", "nope.jpg", "--json")
    assert json.loads(answer.stdout) == []
    assert answer.exit_code == 1


def test_photograph_comes_from_standard_input(run):
    answer = run("detect", "-", "--json", input=photo())
    (manifest,) = json.loads(answer.stdout)
    assert manifest["source"]["filename"] == "stdin"
    assert len(manifest["detections"]) == 2


def test_failed_files_are_named_and_the_rest_succeed(run, album, tmp_path):
    (album / "cut.jpg").write_bytes(photo(kind="JPEG")[:500])
    (album / "words.png").write_text("not a picture")
    answer = run("detect", "album", "nope.jpg")
    assert answer.exit_code == 1
    assert answer.stderr.splitlines() == [
        "Error: album/cut.jpg: The JPEG is truncated: it ends after 500 bytes, "
        "before its picture does.",
        "Error: album/words.png: This is text; JPEG, PNG, WebP, AVIF and HEIC are accepted.",
        "Error: nope.jpg: No such file or directory.",
        "Error: 3 of 5 photographs failed.",
    ]
    assert sorted(each.name for each in (tmp_path / "out").iterdir()) == ["000000000139", "empty"]


def test_coco_is_written_for_all_photographs(run, album, tmp_path):
    assert run("detect", "album", "--out", "found", "--outputs", "coco").exit_code == 0
    rows = json.loads((tmp_path / "found/coco.json").read_text())
    assert [each["image_id"] for each in rows] == [139, 139]
    assert {each.name for each in (tmp_path / "found/empty").iterdir()} == {"manifest.json"}


def test_outputs_that_are_asked_for_are_written_with_json_too(run, album, tmp_path):
    assert run("detect", "album", "--json", "--outputs", "coco").exit_code == 0
    assert (tmp_path / "out/coco.json").exists()


def test_lists_take_commas_and_repetition(run, album, tmp_path):
    arguments = ("--outputs", "labels,csv", "--outputs", "overlay", "--classes", "cat, dog")
    assert run("detect", "album", *arguments).exit_code == 0
    manifest = json.loads((tmp_path / "out/000000000139/manifest.json").read_text())
    assert manifest["outputs"] == ["labels.png", "overlay.jpg"]
    assert [each["class_name"] for each in manifest["detections"]] == ["cat"]
    assert (tmp_path / "out/areas.csv").exists()


def test_score_threshold_leaves_out_the_uncertain(run, album):
    answer = run("detect", "album", "--json", "--score-threshold", "0.85")
    assert [len(each["detections"]) for each in json.loads(answer.stdout)] == [1, 0]


@pytest.mark.parametrize(("arguments", "tiled"), [((), False), (("--tile",), True)])
def test_tiles_are_off_unless_asked_for(run, album, arguments, tiled):
    answer = run("detect", "album", "--json", *arguments)
    assert {each["options"]["tile"] for each in json.loads(answer.stdout)} == {tiled}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--classes", "catt"), "Class 'catt' is unknown to colour; it knows 'cat'."),
        (("--outputs", "overlai"), "Output 'overlai' is unknown; there is overlay."),
        (("--mask-threshold", "1"), "--mask-threshold is 1.0: input should be less than 1."),
    ],
)
def test_wrong_option_is_one_sentence_and_writes_nothing(run, album, tmp_path, arguments, message):
    answer = run("detect", "album", *arguments)
    assert answer.exit_code == 1
    assert answer.stderr == f"Error: {message}\n"
    assert not (tmp_path / "out").exists()


def test_wrong_variable_is_one_sentence(run, album, monkeypatch):
    monkeypatch.setenv("MASKDROP_THREADS", "many")
    answer = run("detect", "album")
    assert answer.exit_code == 1
    assert answer.stderr.startswith("Error: MASKDROP_THREADS is 'many': ")


def test_unknown_model_is_one_sentence(run, album):
    answer = run("detect", "album", "--model", "zebra")
    assert answer.exit_code == 1
    assert answer.stderr.startswith("Error: No model 'zebra' in ")


def test_model_can_be_a_folder(run, album, colour_model, monkeypatch):
    monkeypatch.setenv("MASKDROP_MODEL", "zebra")
    assert run("detect", "album", "--model", str(colour_model.parent)).exit_code == 0


def test_folder_of_the_user_s_own_is_left_alone(run, album, tmp_path):
    (tmp_path / "out/empty").mkdir(parents=True)
    answer = run("detect", "album")
    assert answer.exit_code == 1
    assert "out/empty exists and is no result of Maskdrop; it is left alone." in answer.stderr
    assert (tmp_path / "out/000000000139/manifest.json").exists()


def test_model_commands_are_mounted(run):
    answer = run("model", "--help")
    assert answer.exit_code == 0
    assert "import" in answer.stdout


def loaded_after(code, *arguments):
    command = [sys.executable, "-c", f"{code}\nimport sys; print(*sys.modules)", *arguments]
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    return set(run.stdout.splitlines()[-1].split())


DETECT = """
import sys
from typer.testing import CliRunner
from handler.commands.main import app
answer = CliRunner().invoke(app, ["detect", *sys.argv[1:], "--json"])
assert answer.exit_code == 0, answer.output
"""


def test_detecting_loads_no_framework_and_no_model_command(album, colour_model):
    loaded = loaded_after(DETECT, str(album), "--model", str(colour_model))
    assert {"handler.commands.main", "model.runtime.predictor"} <= loaded
    heavy = {"tensorflow", "torch", "boto3", "fastapi", "pycocotools", "model.cli"}
    assert not heavy & loaded


WITHOUT_TENSORFLOW = """
import sys
sys.modules["tensorflow"] = None
import typer
from typer.testing import CliRunner
from handler.commands.main import app

@app.command()
def needs_tensorflow():
    import tensorflow

answer = CliRunner().invoke(app, ["needs-tensorflow"])
assert answer.exit_code == 1
assert answer.stderr.startswith("Error: tensorflow is not installed; "), answer.stderr
"""


def test_missing_extra_is_named():
    assert "handler.commands.main" in loaded_after(WITHOUT_TENSORFLOW)
