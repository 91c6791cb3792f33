"""The forms of one model version that can be scored, each through the runtime that serves."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

from model.runtime.errors import DataError
from model.runtime.manifest import FileRecord, ModelManifest
from model.runtime.predictor import Predictor
from model.weights.version_folder import load_weights, preset_of

# litert: the .tflite, as it serves. saved_model: the SavedModel, run by TensorFlow.
# float32: the weights before quantisation, in a .tflite that is made for the occasion.
Artifact = Literal["litert", "saved_model", "float32"]


@contextmanager
def loaded(folder: Path, artifact: Artifact) -> Iterator[Predictor]:
    """Load one artifact of the version in `folder`.

    Raises a ModelError; among them DataError where the artifact was not exported.
    """
    if artifact == "float32":
        with TemporaryDirectory() as scratch:
            _write_float32(folder, Path(scratch))
            yield Predictor.load(Path(scratch))
        return
    if artifact == "saved_model" and "saved_model.pb" not in ModelManifest.load(folder).files:
        raise DataError(
            f"{folder} has no SavedModel; `maskdrop model export` writes one, and "
            "the artifact float32 needs none."
        )
    yield Predictor.load(folder, artifact)


def _write_float32(folder: Path, scratch: Path) -> None:
    """Convert the weights of `folder` into a version folder that has the .tflite alone."""
    from model.architecture.mask_rcnn import MaskRCNN
    from model.export.litert import to_litert
    from model.runtime.backends.litert import FILE_NAME

    manifest = ModelManifest.load(folder)
    weights = load_weights(folder, manifest)
    model = MaskRCNN(preset_of(manifest), len(manifest.classes) + 1, weights)
    path = scratch / FILE_NAME
    path.write_bytes(to_litert(model))
    replace(manifest, files={FILE_NAME: FileRecord.of(path)}).save(scratch)
