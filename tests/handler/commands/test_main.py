"""The list of commands: what it says, and what it imports."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import version

import pytest
from typer.main import get_command
from typer.testing import CliRunner

from handler.commands.extras import how_to_install
from handler.commands.main import app

# What the list of commands may import beside Python's own library: Typer, and what it brings.
LIGHT = {"handler", "model", "typer", "annotated_doc", "shellingham", "colorama"}


def packages_after(code: str) -> set[str]:
    """The top packages in sys.modules after `code`, in a process of its own."""
    report = "\nimport sys; print(*{name.partition('.')[0] for name in sys.modules})"
    run = [sys.executable, "-c", code + report]
    done = subprocess.run(run, capture_output=True, text=True, check=True)
    found = set(done.stdout.splitlines()[-1].split()) - sys.stdlib_module_names
    return {name for name in found if not name.startswith("_")}


@pytest.mark.parametrize("option", ["--help", "--version"])
def test_listing_commands_imports_none_of_what_they_need(option: str) -> None:
    call = (
        "from handler.commands.main import app\n"
        f"try: app([{option!r}])\n"
        "except SystemExit as end: assert end.code == 0, end.code"
    )
    assert packages_after(call) <= LIGHT


def test_the_version_is_printed() -> None:
    answer = CliRunner().invoke(app, ["--version"])
    assert (answer.exit_code, answer.stdout) == (0, f"{version('maskdrop')}\n")


def test_every_command_of_the_list_is_there() -> None:
    group = get_command(app)
    listed = CliRunner().invoke(app, ["--help"]).stdout.partition("Commands:")[2].split("\n")
    names = [line.split()[0] for line in listed if line.strip()]
    assert names == list(group.commands)  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", list(get_command(app).commands))  # type: ignore[attr-defined]
def test_a_command_has_the_name_that_the_list_has(name: str) -> None:
    answer = CliRunner().invoke(app, [name, "--help"], prog_name="maskdrop")
    assert answer.exit_code == 0
    assert answer.stdout.startswith(f"Usage: maskdrop {name} ")


@pytest.mark.parametrize(
    ("package", "extra"), [("uvicorn", "local"), ("boto3.session", "local"), ("torch", "train")]
)
def test_a_missing_package_is_named_with_what_installs_it(package: str, extra: str) -> None:
    hint = how_to_install(package)
    assert hint is not None
    assert f"pip install -e '.[{extra}]'" in hint
    assert f".whl[{extra}]'" in hint


def test_a_package_of_no_extra_has_no_hint() -> None:
    assert how_to_install("numpy") is None
    assert how_to_install(None) is None
