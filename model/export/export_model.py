"""From a version's weights to what serves them: SavedModel, .tflite, parity, golden image."""

from __future__ import annotations

import shutil
from collections.abc import Collection, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from model.architecture.mask_rcnn import MaskRCNN
from model.export.litert import to_litert
from model.export.parity import Parity, compare
from model.export.saved_model import write_saved_model
from model.runtime.backends.litert import FILE_NAME
from model.runtime.errors import ExportError
from model.runtime.golden import observe_golden
from model.runtime.manifest import MANIFEST_NAME, FileRecord, Golden, ModelManifest
from model.runtime.predictor import Predictor
from model.weights.version_folder import load_weights, preset_of, written_whole

Artifact = Literal["saved_model", "litert"]
Precision = Literal["int8", "float32"]
Photographs = Sequence[NDArray[np.uint8]]

# The least agreement and the least mean mask IoU with the float graph. float32 differs in
# the order of its sums alone, which may tip a suppression or a tie. int8 of an `edge` model
# after 1,000 training steps had 0.97 and 0.93, and the average precision of the float graph.
_LIMITS: dict[Precision, tuple[float, float]] = {"float32": (0.98, 0.99), "int8": (0.85, 0.85)}
# Of the photographs every third checks parity, and the others calibrate.
_CHECK_EVERY = 3
_LEAST_PHOTOGRAPHS = 2


def export_model(
    folder: Path,
    photographs: Photographs = (),
    *,
    artifacts: Collection[Artifact] = ("saved_model", "litert"),
    precision: Precision = "int8",
    float_layers: str | None = None,
    golden: Path | None = None,
    to: Path | None = None,
) -> ModelManifest:
    """Write the artifacts of the version `folder`, which has weights and a manifest.

    to: the version folder that gets everything; None is `folder` itself.

    photographs: (h, w, 3) RGB, such as the model will see, for calibration and parity.
    float_layers: a regular expression for names of layers that int8 leaves alone.
    golden: a photograph to be shipped and detected at load time; None keeps the one there is.
    What else is in `folder` comes along. After an error all is as it was.
    Raises ExportError for too few photographs, and when the .tflite answers too differently
    from the float graph.
    """
    if "litert" in artifacts and precision == "int8" and len(photographs) < _LEAST_PHOTOGRAPHS:
        raise ExportError(
            f"int8 is calibrated on photographs, and {len(photographs)} are given; "
            f"at least {_LEAST_PHOTOGRAPHS} are needed, 50 do well."
        )
    manifest = ModelManifest.load(folder)
    weights = load_weights(folder, manifest)
    model = MaskRCNN(preset_of(manifest), len(manifest.classes) + 1, weights)
    with written_whole(to or folder) as scratch:
        shutil.copytree(folder, scratch, dirs_exist_ok=True)
        if "saved_model" in artifacts:
            write_saved_model(model, scratch)
        if "litert" in artifacts:
            parity = _write_litert(model, manifest, photographs, precision, float_layers, scratch)
            figures = {name: asdict(each) for name, each in parity.items()}
            if float_layers and "int8" in figures:
                figures["int8"]["float_layers"] = float_layers
            manifest = replace(manifest, parity={**manifest.parity, **figures})
            if golden:
                image = f"golden{golden.suffix.lower()}"
                shutil.copyfile(golden, scratch / image)
                manifest = replace(manifest, golden=Golden(image, ()))
        manifest = _with_files(manifest, scratch)
        if "litert" in artifacts and manifest.golden:
            found = observe_golden(Predictor.load(scratch), scratch / manifest.golden.image)
            manifest = replace(manifest, golden=Golden(manifest.golden.image, found))
            manifest.save(scratch)
    return manifest


def _write_litert(
    model: MaskRCNN,
    manifest: ModelManifest,
    photographs: Photographs,
    precision: Precision,
    float_layers: str | None,
    folder: Path,
) -> dict[str, Parity]:
    """Write the .tflite, and measure what conversion and quantisation each change."""
    # The quantiser is not where a SavedModel alone is made: in the GPU image.
    from model.export.quantize import quantize

    check = photographs[::_CHECK_EVERY]
    float_model = to_litert(model)
    with TemporaryDirectory() as work:
        reference = Path(work)
        write_saved_model(model, reference)
        (reference / FILE_NAME).write_bytes(float_model)
        _with_files(manifest, reference)
        graph = Predictor.load(reference, "saved_model")
        parity = {"float32": compare(graph, Predictor.load(reference, "litert"), check)}
        _hold(parity["float32"], "float32")
        if precision == "int8":
            calibration = [each for i, each in enumerate(photographs) if i % _CHECK_EVERY]
            int8_model = quantize(float_model, calibration, manifest.preprocessing, float_layers)
            (reference / FILE_NAME).write_bytes(int8_model)
            _with_files(manifest, reference)
            parity["int8"] = compare(graph, Predictor.load(reference, "litert"), check)
            _hold(parity["int8"], "int8")
        shutil.copyfile(reference / FILE_NAME, folder / FILE_NAME)
    return parity


def _with_files(manifest: ModelManifest, folder: Path) -> ModelManifest:
    """Record every file of `folder`, and save the manifest into it."""
    files = {
        path.relative_to(folder).as_posix(): FileRecord.of(path)
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != MANIFEST_NAME
    }
    recorded = replace(manifest, files=files)
    recorded.save(folder)
    return recorded


def _hold(parity: Parity, precision: Precision) -> None:
    agreement, mask_iou = _LIMITS[precision]
    if parity.agreement < agreement or parity.mask_iou_mean < mask_iou:
        raise ExportError(
            f"The {precision} .tflite shares {parity.agreement:.1%} of its detections with the "
            f"float graph, with a mean mask IoU of {parity.mask_iou_mean:.3f}, on "
            f"{parity.photographs} photographs; at least {agreement:.0%} and {mask_iou} are "
            f"expected."
        )
