"""The road of a checkpoint, as its owner goes it: import, export, verify, detect."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from checkpoint_writer import write_checkpoint
from PIL import Image
from seeded_weights import seeded_image, seeded_state_dict
from typer.testing import CliRunner

from handler.commands.main import app
from model.config import EDGE
from model.runtime.manifest import ModelManifest

VERSION = Path("models/seeded/1")


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Run `maskdrop` in a folder with photographs; what it prints."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "160")
    Path("images").mkdir()
    for name in ("landscape", "portrait"):
        Image.fromarray(seeded_image(name)).save(f"images/{name}.png")

    def run(*words: str) -> str:
        answer = CliRunner().invoke(app, words)
        assert answer.exit_code == 0, answer.output
        return answer.output

    return run


def name_classes(state: dict[str, Any]) -> None:
    """Write classes.txt for all classes of a state dict but the background."""
    count = len(state["roi_heads.box_predictor.cls_score.bias"]) - 1
    Path("classes.txt").write_text("\n".join(f"thing {label}" for label in range(count)))


def make_small() -> None:
    """Let the version see one small shape, so that its export takes seconds."""
    manifest = ModelManifest.load(VERSION)
    small = replace(manifest.preprocessing, buckets={"landscape": (192, 256)})
    replace(manifest, preprocessing=small).save(VERSION)


def test_checkpoint_becomes_a_version_that_detects(run, tmp_path: Path):
    state = seeded_state_dict(EDGE)
    write_checkpoint(tmp_path / "seeded.pth", state)
    name_classes(state)
    run("model", "import", "seeded.pth", "--preset", "edge", "--classes", "classes.txt")
    make_small()
    run("model", "export", "seeded", "--float32", "--calibration", "images")
    verified = run("model", "verify", "seeded", "--photos", "images").splitlines()[-1].split()
    photo = "images/landscape.png"
    (found,) = json.loads(
        run("detect", photo, "--model", "seeded", "--score-threshold", "0.05", "--json")
    )
    # Photographs, objects found in both graphs; none missed, none extra.
    assert (verified[:2], verified[3:5]) == (["litert", "2"], ["0", "0"])
    assert found["model"]["version"] == 1
    assert all(each["rle"]["counts"] for each in found["detections"])
    assert found["detections"]
