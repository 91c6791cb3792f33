"""The road of docs/your-own-model.md, walked as it is written, on shapes drawn here."""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from shapes import draw_shapes, write_json

PAGE = Path(__file__).parents[2] / "docs" / "your-own-model.md"
COMMANDS = re.findall(r"```sh\n(.*?)\n```", PAGE.read_text(), re.DOTALL)
SIZE = (256, 192)


@pytest.fixture(scope="module")
def road(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with photographs and annotations, as the page begins with."""
    folder = tmp_path_factory.mktemp("road")
    write_json(folder / "train.json", draw_shapes(folder / "images", 24, "train", SIZE))
    write_json(folder / "val.json", draw_shapes(folder / "images", 8, "val", SIZE))
    return folder


def command(part: str) -> str:
    """The page's only command that begins so, after what it sets in the environment."""
    (found,) = (each for each in COMMANDS if re.match(rf"(\w+=\S+ )*maskdrop {part}\b", each))
    return found


def popen(road: Path, line: str) -> subprocess.Popen[str]:
    """Start a command of the page with this environment's `maskdrop`."""
    *settings, program, rest = re.split(r" (?=maskdrop)|(?<=maskdrop) ", line)
    assert program == "maskdrop"
    return subprocess.Popen(
        [Path(sys.executable).with_name("maskdrop"), *shlex.split(rest)],
        cwd=road,
        env=os.environ | dict(each.split("=") for each in settings) | {"COLUMNS": "200"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def walk(road: Path, line: str) -> str:
    """Run a command of the page to its end; what it says."""
    with popen(road, line) as process:
        output, _ = process.communicate()
    assert process.returncode == 0, output
    return output


@contextmanager
def served(road: Path) -> Iterator[str]:
    """Run the page's service; where it is."""
    with popen(road, command("run")) as process:
        assert process.stdout is not None
        opened = (re.match(r"Open (http://\S+)", line) for line in process.stdout)
        address = next(filter(None, opened), None)
        assert address, "The service ended before it was there."
        try:
            yield address[1]
        finally:
            process.send_signal(signal.SIGINT)
            process.communicate()


def shown(folder: Path) -> list[tuple[int, int]]:
    """Sizes of the masks in a result's folder that are not empty."""
    masks = [Image.open(path) for path in sorted((folder / "instances").glob("*.png"))]
    return [mask.size for mask in masks if np.asarray(mask).any()]


@pytest.mark.skipif(find_spec("torch") is None, reason="training needs PyTorch: make test-training")
def test_photographs_become_a_model_that_is_served(road: Path):
    assert "0 errors, 0 warnings" in walk(road, command("model check-data"))
    walk(road, command("model train"))
    assert "Imported into models/mine/1" in walk(road, command("model import"))
    walk(road, command("model export"))
    assert "square" in walk(road, command("model evaluate"))
    walk(road, command("detect"))
    assert SIZE in shown(road / "out" / "val-000")
    with served(road) as address:
        walk(road, command("upload").replace("http://localhost:8080", address))
    assert SIZE in shown(road / "served" / "val-001")


def test_every_command_of_the_page_is_walked():
    walked = ["model check-data", "model train", "model import", "model export", "model evaluate"]
    assert list(map(command, [*walked, "detect", "run", "upload"])) == COMMANDS
