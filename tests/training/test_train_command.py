"""What `maskdrop model train` says before it needs PyTorch."""

from __future__ import annotations

import sys

import pytest
from typer.testing import CliRunner

from handler.commands.main import app


@pytest.fixture
def train(album, monkeypatch):
    """Run `maskdrop model train` in the album, where PyTorch is not installed."""
    monkeypatch.chdir(album)
    monkeypatch.setitem(sys.modules, "torch", None)
    monkeypatch.delitem(sys.modules, "model.training.train", raising=False)
    return lambda *words: CliRunner().invoke(app, ["model", "train", *words])


def test_missing_pytorch_is_told_with_its_cure(train):
    answer = train("--data", "train.json", "--run", "run")
    assert answer.exit_code == 1
    assert answer.output.startswith(
        "Error: torch is not installed; it comes with the extra 'train'. In a clone: pip install"
    )


def test_mistake_is_told_before_anything_is_loaded(train):
    answer = train("--data", "train.json", "--run", "run", "--sides", "64,big")
    assert answer.exit_code == 1
    assert answer.output.startswith("Error: sides is 'big': input should be a valid integer")


def test_unknown_preset_is_told_with_those_there_are(train):
    answer = train("--data", "train.json", "--run", "run", "--preset", "vgg")
    assert answer.exit_code == 2
    assert "coco-r50-v2" in answer.output


def test_run_needs_data(train):
    answer = train("--run", "run")
    assert answer.exit_code == 1
    assert "name a COCO file with --data" in answer.output
