import json
import os
import signal
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest
import typer
from painting import encoded, painted, photo
from typer.main import get_command
from typer.testing import CliRunner
from waiting import wait_for

from handler.commands.main import app

MASKDROP = (sys.executable, "-c", "from handler.commands.main import app; app()")


@contextmanager
def started(words, folder):
    """The command in a process of its own, which does not outlive a test that fails."""
    with subprocess.Popen(
        [*MASKDROP, *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=folder,
        env=os.environ | {"PYTHONUNBUFFERED": "1"},
    ) as process:
        try:
            yield process
        finally:
            process.kill()


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
    assert lines[0].split() == ["Photograph", "Size", "Seconds", "Results", "Found"]
    assert "  found/000000000139/  1 person (0.90), 1 cat (0.80)" in lines[1]
    assert lines[2].endswith("nothing")


@pytest.mark.parametrize("columns", ["20", "60", ""])
def test_paths_are_never_cut(run, tmp_path, columns):
    folder = tmp_path / ("long-" * 30)
    folder.mkdir()
    (folder / f"{'x' * 150}.png").write_bytes(photo())
    answer = run("detect", folder.name, "--out", "o" * 100, env={"COLUMNS": columns})
    assert answer.exit_code == 0
    assert f"{'x' * 150}.png" in answer.stdout
    assert f"{'o' * 100}/{'x' * 150}/" in answer.stdout


def test_a_narrow_terminal_gets_a_paragraph_for_each(run, album):
    answer = run("detect", "album", env={"COLUMNS": "60"})
    first = answer.stdout.splitlines()[:3]
    assert first[:2] == ["000000000139.jpg", "    1 person (0.90), 1 cat (0.80)"]
    assert first[2].endswith(" s, out/000000000139/")


def test_each_photograph_has_its_line_when_it_is_done(album, colour_model, tmp_path):
    os.mkfifo(album / "pipe.png")
    words = ["detect", album / "empty.png", album / "pipe.png", "--model", colour_model]
    with started(words, tmp_path) as process:
        # The second photograph has not come yet.
        assert process.stdout.readline().startswith("Photograph")
        assert process.stdout.readline().startswith("empty.png")
        (album / "pipe.png").write_bytes(photo())
        assert process.stdout.readline().startswith("pipe.png")
        process.communicate(timeout=60)
    assert process.returncode == 0


@pytest.mark.parametrize("words", [(), ("--json",), ("--quiet",)])
def test_ctrl_c_sums_up_and_the_next_run_goes_on(album, colour_model, tmp_path, words):
    os.mkfifo(album / "waits.png")
    command = ["detect", album, album / "waits.png", "--out", "found", "--model", colour_model]
    with started([*command, *words], tmp_path) as process:
        wait_for(lambda: (tmp_path / "found/empty/manifest.json").exists() or None)
        process.send_signal(signal.SIGINT)
        output, said = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Error: Interrupted. 3 photographs: 2 detected, 1 not done, in " in said
    assert said.rstrip().endswith("Run the same command again to continue.")
    if words == ("--json",):
        assert len(json.loads(output)) == 2
    first = (tmp_path / "found/empty/manifest.json").stat().st_ino
    (album / "waits.png").unlink()
    (album / "waits.png").write_bytes(photo())
    with started([*command, "--outputs", "labels,instances,overlay"], tmp_path) as process:
        output, said = process.communicate(timeout=60)
    assert "3 photographs: 3 detected, in " in said
    with started([*command, "--outputs", "labels,instances,overlay,csv"], tmp_path) as process:
        output, said = process.communicate(timeout=60)
    assert "3 photographs: 0 detected, 3 kept from an earlier run, in " in said
    assert (tmp_path / "found/empty/manifest.json").stat().st_ino != first
    assert len((tmp_path / "found/areas.csv").read_text().splitlines()) == 1 + 4


def test_results_are_kept_unless_something_changed(run, album, tmp_path):
    def inode():
        return (tmp_path / "out/000000000139/manifest.json").stat().st_ino

    assert run("detect", "album").exit_code == 0
    first = inode()
    assert "kept" in run("detect", "album").stdout
    assert inode() == first
    run("detect", "album", "--reprocess")
    second = inode()
    assert second != first
    (tmp_path / "out/000000000139/labels.png").unlink()
    run("detect", "album")
    third = inode()
    assert third != second
    (album / "000000000139.jpg").write_bytes(photo(320, 240))
    run("detect", "album")
    assert inode() != third


def test_names_are_not_read_as_markup(run, tmp_path):
    (tmp_path / "[red]a.png").write_bytes(photo())
    (tmp_path / "[bold]b.png").write_text("text")
    answer = run("detect", "[red]a.png", "[bold]b.png")
    assert "[red]a.png" in answer.stdout
    assert "Error: [bold]b.png: This is text" in answer.stderr


@pytest.mark.skipif(sys.platform == "darwin", reason="Its file systems take UTF-8 alone.")
@pytest.mark.parametrize("words", [(), ("--json", "--out", "out")])
def test_a_name_that_is_not_utf8_stops_nothing(run, tmp_path, words):
    (tmp_path / "odd").mkdir()
    for name in (b"caf\xe9.png", b"caf\xe8.png", b"\xff-text.png"):
        content = b"text" if b"text" in name else photo()
        (tmp_path / "odd" / os.fsdecode(name)).write_bytes(content)
    answer = run("detect", "odd", "--outputs", "overlay,coco,csv,labelstudio", *words)
    assert answer.exit_code == 1
    assert answer.stderr.splitlines()[0].startswith("Error: odd/\ufffd-text.png: This is text")
    rows = json.loads((tmp_path / "out/coco.json").read_text())
    assert {each["image_id"] for each in rows} == {"odd/caf\ufffd.png", "odd/caf\ufffd.png-2"}
    assert "odd/caf\ufffd.png-2,0,1,person" in (tmp_path / "out/areas.csv").read_text()
    assert (tmp_path / "out/caf\ufffd.png-2/overlay.jpg").exists()


def test_two_photographs_of_one_name_are_told_apart_in_exports(run, album, tmp_path):
    (tmp_path / "other").mkdir()
    (tmp_path / "other/000000000139.jpg").write_bytes(photo())
    assert run("detect", "album", "other", "--outputs", "coco,csv,labelstudio").exit_code == 0
    rows = json.loads((tmp_path / "out/coco.json").read_text())
    assert [each["image_id"] for each in rows] == [
        "album/000000000139",
        "album/000000000139",
        "other/000000000139",
        "other/000000000139",
    ]
    tasks = json.loads((tmp_path / "out/labelstudio.json").read_text())
    assert len({each["data"]["image"] for each in tasks}) == 3
    areas = (tmp_path / "out/areas.csv").read_text()
    assert "other/000000000139.jpg,1,17,cat" in areas


def test_what_was_skipped_is_told_on_standard_error(run, album):
    (album / "notes.txt").write_text("notes")
    answer = run("detect", "album")
    assert answer.stderr.splitlines()[0] == (
        "Skipped: 1 file without a photograph's suffix (.txt)."
    )


def test_subfolders_are_searched_when_asked_for(run, album, tmp_path):
    (album / "2026").mkdir()
    (album / "2026/cat.png").write_bytes(photo())
    assert run("detect", ".", "--recursive").exit_code == 0
    assert (tmp_path / "out/album__2026__cat/manifest.json").exists()
    again = run("detect", ".", "-r")
    assert "3 photographs: 0 detected, 3 kept" in again.stderr
    assert "3 result folders of Maskdrop" in again.stderr


def test_quiet_prints_errors_alone(run, album):
    answer = run("detect", "album", "--quiet", "--outputs", "overlay,csv")
    assert (answer.exit_code, answer.output) == (0, "")
    answer = run("detect", "album", "nope.jpg", "-q")
    assert answer.stdout == ""
    assert answer.stderr.startswith("Error: nope.jpg: No such file or directory.\n")


@pytest.mark.parametrize(
    ("out", "message"),
    [
        ("album/empty.png", "Results cannot be written to album/empty.png: it is not a folder."),
        ("album/empty.png/x", "to album/empty.png/x: it is not a folder (album/empty.png)."),
        ("taken", "taken/coco.json cannot be written: it is a folder."),
    ],
)
def test_what_cannot_be_written_is_said_before_the_work(run, album, tmp_path, out, message):
    (tmp_path / "taken/coco.json").mkdir(parents=True)
    answer = run("detect", "album", "--out", out, "--outputs", "coco", "--model", "never-loaded")
    assert answer.exit_code == 1
    assert message in answer.stderr
    assert answer.stdout == ""


def test_a_folder_closed_to_us_is_said_before_the_work(run, album, tmp_path):
    tmp_path.chmod(0o755)
    album.chmod(0o755)
    (tmp_path / "locked").mkdir(mode=0o555)
    user = os.geteuid()
    if user == 0:
        os.seteuid(65534)
    answer = run("detect", "album", "--out", "locked/new", "--model", "never-loaded")
    os.seteuid(user)
    assert answer.exit_code == 1
    assert "Results cannot be written to locked/new: permission denied (locked)." in answer.stderr


def test_an_export_that_fails_after_the_work_takes_nothing_along(run, album, tmp_path):
    # It becomes unwritable while the run is under way: its name is taken by the last photograph.
    (album / "coco.json.png").write_bytes(photo())
    answer = run("detect", "album", "--outputs", "coco,csv,overlay")
    assert answer.exit_code == 1
    assert "out/coco.json cannot be written: " in answer.stderr
    assert "000000000139.jpg" in answer.stdout
    assert "out/areas.csv" in answer.stdout


def test_a_url_is_said_not_to_be_fetched(run):
    answer = run("detect", "http://example.org/cat.jpg")
    assert answer.exit_code == 1
    assert "Error: http://example.org/cat.jpg: URLs are not fetched." in answer.stderr
    assert "1 failed (1 URL not fetched)" in answer.stderr


def test_ctrl_c_before_the_first_photograph_ends_with_130():
    command = typer.Typer(cls=type(get_command(app)))

    @command.callback()
    def _callback():
        """More than one command."""

    @command.command()
    def wait():
        raise KeyboardInterrupt

    answer = CliRunner().invoke(command, ["wait"])
    assert (answer.exit_code, answer.stderr) == (130, "Error: Interrupted.\n")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="Linux has it.")
def test_a_full_standard_output_is_one_sentence(album, colour_model, tmp_path):
    command = [*MASKDROP, "detect", album, "--model", colour_model]
    with Path("/dev/full").open("w") as full:
        run = subprocess.run(
            command, stdout=full, stderr=subprocess.PIPE, text=True, cwd=tmp_path, check=False
        )
    assert run.returncode == 1
    assert "Error: No space left on device." in run.stderr
    assert "Traceback" not in run.stderr


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
    *failures, last = answer.stderr.splitlines()
    assert failures == [
        "Error: album/cut.jpg: The JPEG is truncated: it ends after 500 bytes, "
        "before its picture does.",
        "Error: album/words.png: This is text; JPEG, PNG, WebP, AVIF and HEIC are accepted.",
        "Error: nope.jpg: No such file or directory.",
    ]
    assert last.startswith(
        "Error: 5 photographs: 2 detected, 3 failed (1 damaged image, 1 unsupported format, "
        "1 file not found), in "
    )
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
        (("--outputs", "overlai"), "Unknown output 'overlai'; did you mean overlay?"),
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
    assert "out/empty exists and is not a result of Maskdrop; it is not changed." in answer.stderr
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
