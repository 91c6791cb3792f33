"""docs/cli.md: its sessions are what the command prints, its options and commands exist."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from console import read_steps
from typer.main import get_command

from handler.commands.main import app

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs/cli.md").read_text()
MASKDROP = f"{shlex.quote(sys.executable)} -c 'from handler.commands.main import app; app()'"


def comparable(text: str) -> list[str]:
    """Lines without what no two runs share: how long it took, and how wide that is."""
    lines = re.sub(r"(?<![(\d.])\d+\.\d{1,2}", "#", text).splitlines()
    return [re.sub(r" +", " ", line) for line in lines]


def printed(command: str, folder: Path, **environment: str) -> str:
    """Standard output, then standard error, as the page shows them."""
    ours = {key: value for key, value in os.environ.items() if not key.startswith("MASKDROP")}
    done = subprocess.run(
        ["bash", "-c", command.replace("maskdrop", MASKDROP)],
        cwd=folder,
        env=ours | {"PYTHONPATH": str(ROOT)} | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout + done.stderr


def test_the_sessions_are_what_the_command_prints(tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    for each in (ROOT / "site/samples").glob("*.jpg"):
        shutil.copy(each, photos)
    (photos / "cut.jpg").write_bytes((photos / "coffee.jpg").read_bytes()[:5000])
    steps = read_steps(PAGE)
    assert len(steps) == 2
    for step in steps:
        assert comparable(printed(step.command, tmp_path)) == comparable(step.output)


def options(command: str) -> set[str]:
    found = get_command(app).commands[command]  # type: ignore[attr-defined]
    return {name for each in found.params for name in each.opts if name.startswith("-")}


def test_every_option_of_the_three_is_on_the_page() -> None:
    table = PAGE.partition("## Options")[2].partition("\n## ")[0]
    shown = set(re.findall(r"`(--?[a-z-]+)`", table.replace("`s3://`", "")))
    assert shown == options("detect") | options("upload") | options("batch")


def test_the_three_take_the_same_options() -> None:
    remote = {"--api", "--token"}
    assert options("upload") - remote == options("detect") - {"--model", "-m"}
    assert options("batch") - options("upload") == {"--parallel"}


def test_every_command_is_on_the_page() -> None:
    assert re.findall(r"^\| `maskdrop (\w+)` ", PAGE, re.MULTILINE) == list(
        get_command(app).commands  # type: ignore[attr-defined]
    )


@pytest.mark.parametrize("command", ["detect", "upload", "batch"])
def test_help_fits_a_terminal_of_60_columns(command: str, tmp_path: Path) -> None:
    text = printed(f"maskdrop {command} --help", tmp_path, COLUMNS="60")
    assert text.startswith("Usage: ")
    assert max(map(len, text.splitlines())) <= 60
    assert "…" not in text
