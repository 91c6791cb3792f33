"""A default is written once: every door asks for the same unless it is told otherwise."""

from __future__ import annotations

import inspect

import pytest
from typer.main import get_command

from handler.commands.main import app
from handler.schemas import Options
from handler.web.routes.detect import DetectQuery
from model.runtime.postprocess import paste_masks
from model.runtime.predictor import Predictor
from model.runtime.tiling import predict_tiled

DEFAULTS = Options()


@pytest.mark.parametrize("name", ["score_threshold", "max_detections", "mask_threshold", "tile"])
def test_the_forms_defaults_are_the_options(name: str) -> None:
    assert getattr(DetectQuery(), name) == getattr(DEFAULTS, name)


@pytest.mark.parametrize("command", ["detect", "upload", "batch"])
def test_the_command_lines_defaults_are_the_options(command: str) -> None:
    parameters = get_command(app).commands[command].params  # type: ignore[attr-defined]
    given = {each.name: each.default for each in parameters}
    names = ("score_threshold", "max_detections", "mask_threshold")
    assert {name: given[name] for name in names} == {
        name: getattr(DEFAULTS, name) for name in names
    }


@pytest.mark.parametrize("predict", [Predictor.predict, predict_tiled])
def test_the_runtimes_defaults_are_the_options(predict: object) -> None:
    parameters = inspect.signature(predict).parameters  # type: ignore[arg-type]
    assert parameters["score_threshold"].default == DEFAULTS.score_threshold
    assert parameters["max_detections"].default == DEFAULTS.max_detections
    assert inspect.signature(paste_masks).parameters["threshold"].default == DEFAULTS.mask_threshold
