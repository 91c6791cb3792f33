"""A model that cannot be loaded: now, or ever."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from service import COLOUR_MODEL, make_client
from waiting import wait_for

from handler.detection.model_loader import ModelLoader
from handler.errors import AccessDenied, NotReady, StorageUnavailable
from handler.settings import Settings
from handler.wiring import build_services
from model.runtime.errors import GoldenMismatch, ServerError
from model.runtime.manifest import ModelManifest


class Loading:
    """Fails with each of `errors` in turn, then loads."""

    def __init__(self, *errors: Exception) -> None:
        self.errors = list(errors)
        self.tries = 0

    def __call__(self) -> Any:
        self.tries += 1
        if self.errors:
            raise self.errors.pop(0)
        return SimpleNamespace()


@pytest.mark.parametrize(
    "error",
    [StorageUnavailable("No answer."), AccessDenied("Refused."), ServerError("No answer.")],
)
def test_what_passes_is_tried_again_until_it_is_ready(error: Exception) -> None:
    loader = ModelLoader(Loading(error, error), first_pause=0.05)
    with pytest.raises(NotReady, match=str(error)):
        loader.detector()

    def is_ready() -> bool:
        try:
            loader.check_ready()
        except NotReady:
            return False
        return True

    wait_for(is_ready)
    assert loader.detector() is loader.detector()


@pytest.mark.parametrize("error", [GoldenMismatch("Another dog."), ValueError("hunter2")])
def test_what_never_passes_is_tried_once(error: Exception) -> None:
    loading = Loading(error)
    loader = ModelLoader(loading, first_pause=0)
    for _ in range(2):
        with pytest.raises(NotReady, match="The model cannot be used"):
            loader.detector()
    assert loading.tries == 1


def test_weights_that_are_broken_under_a_right_digest_are_not_ready(tmp_path: Path) -> None:
    folder = tmp_path / "1"
    shutil.copytree(COLOUR_MODEL, folder)
    (folder / "model.tflite").write_bytes(b"no network" * 100)
    manifest = (folder / "manifest.json").read_text()
    was = ModelManifest.load(COLOUR_MODEL).files["model.tflite"]
    broken = (folder / "model.tflite").read_bytes()
    digest = hashlib.sha256(broken).hexdigest()
    manifest = manifest.replace(was.sha256, digest).replace(
        f'"bytes": {was.bytes}', f'"bytes": {len(broken)}'
    )
    (folder / "manifest.json").write_text(manifest)
    model = build_services(Settings(model=str(folder))).model
    client = make_client({"model": str(folder)})
    with pytest.raises(NotReady, match="The model cannot be used"):
        model.detector()
    assert client.get("/readyz").status_code == 503
    assert client.post("/api/detect", files={"image": b"x"}).status_code == 503
