"""From a version's weights to what serves them: SavedModel, .tflite, parity, golden image."""

from __future__ import annotations

import shutil
from collections.abc import Collection
from dataclasses import asdict, replace
from pathlib import Path
from typing import Literal

from model.architecture.mask_rcnn import MaskRCNN
from model.export.default_photographs import SAMPLES, default_photographs
from model.export.litert_export import (
    LitertExport,
    Photographs,
    Precision,
    litert_shares,
    with_files,
)
from model.export.progress import OnProgress, Progress
from model.export.saved_model import write_saved_model
from model.export.workspace import Workspace
from model.runtime.backends.litert import FILE_NAME
from model.runtime.errors import ExportError
from model.runtime.golden import observe_golden
from model.runtime.manifest import Golden, ModelManifest
from model.runtime.predictor import Predictor
from model.weights.finite import check_finite
from model.weights.version_folder import WEIGHTS_NAME, load_weights, preset_of, written_whole

Artifact = Literal["saved_model", "litert"]

_LEAST_PHOTOGRAPHS: dict[Precision, int] = {"float32": 1, "int8": 2}
# Of the time that a ResNet-50 takes, in seconds of one core of 2026.
SAVED_MODEL_SHARE = 30.0
_SAMPLES_IN_ORDER = [SAMPLES / f"{name}.jpg" for name in ("astronaut", "coffee", "chelsea")]


def export_model(
    folder: Path,
    photographs: Photographs | None = None,
    *,
    artifacts: Collection[Artifact] = ("saved_model", "litert"),
    precision: Precision = "int8",
    float_layers: str | None = None,
    golden: Path | None = None,
    to: Path | None = None,
    report: OnProgress = lambda doing, done, total: None,
) -> ModelManifest:
    """Write the artifacts of the version `folder`, which has weights and a manifest.

    photographs: (h, w, 3) RGB, such as the model will see, for calibration and parity;
    None stands for views of three samples.
    float_layers: a regular expression for names of layers that int8 leaves alone.
    golden: a photograph to be shipped and detected at load time; None keeps the one there is,
    or takes a sample in which the model finds something.
    to: the version folder that gets everything; None is `folder` itself.
    What else is in `folder` comes along. After an error the folder is as it was, and the next
    call goes on behind the last finished stage.
    Raises ExportError for too few photographs, and when the .tflite answers too differently
    from the float graph; WeightsMismatch for weights that are not finite.
    """
    # An image that serves has no samples, and a SavedModel alone is not compared.
    samples = default_photographs() if "litert" in artifacts and photographs is None else ()
    given = samples if photographs is None else photographs
    least = _LEAST_PHOTOGRAPHS[precision]
    if "litert" in artifacts and len(given) < least:
        raise ExportError(
            f"A .tflite is compared, and int8 calibrated, on photographs, and {len(given)} are "
            f"given; at least {least} are needed for {precision}, 50 do well."
        )
    manifest = ModelManifest.load(folder)
    model = _network(folder, manifest)
    target = to or folder
    with written_whole(target) as scratch:
        shutil.copytree(folder, scratch, dirs_exist_ok=True)
        progress = Progress(_shares(artifacts, precision, len(given)), report)
        if "saved_model" in artifacts:
            with progress.part("Writing the SavedModel", SAVED_MODEL_SHARE):
                write_saved_model(model, scratch)
        if "litert" in artifacts:
            workspace = Workspace(target, manifest)
            making = LitertExport(model, manifest, given, workspace, progress)
            # It lets go of the network when it can: 1.5 GB beside what comes then.
            del model
            parity = making.write(scratch / FILE_NAME, precision, float_layers)
            figures = {name: asdict(each) for name, each in parity.items()}
            if float_layers and "int8" in figures:
                figures["int8"]["float_layers"] = float_layers
            manifest = replace(manifest, parity={**manifest.parity, **figures})
        manifest = with_files(manifest, scratch)
        if "litert" in artifacts:
            manifest = _with_golden(manifest, scratch, golden, photographs is None)
    if "litert" in artifacts:
        workspace.remove()
    return manifest


def _network(folder: Path, manifest: ModelManifest) -> MaskRCNN:
    """Build the network of a version; raises WeightsMismatch for weights that are not finite."""
    weights = load_weights(folder, manifest)
    check_finite(weights, epsilon=1, origin=str(folder / WEIGHTS_NAME))
    return MaskRCNN(preset_of(manifest), len(manifest.classes) + 1, weights)


def _shares(artifacts: Collection[Artifact], precision: Precision, photographs: int) -> float:
    saved_model = SAVED_MODEL_SHARE if "saved_model" in artifacts else 0
    litert = litert_shares(precision, photographs) if "litert" in artifacts else 0
    return saved_model + litert


def _with_golden(
    manifest: ModelManifest, folder: Path, golden: Path | None, may_choose: bool
) -> ModelManifest:
    """Record what the .tflite finds in the golden image: the given, the old or a sample."""
    predictor = Predictor.load(folder)
    if golden is None and manifest.golden is None and may_choose:
        golden = next((path for path in _SAMPLES_IN_ORDER if observe_golden(predictor, path)), None)
    if golden:
        image = f"golden{golden.suffix.lower()}"
        shutil.copyfile(golden, folder / image)
        manifest = replace(manifest, golden=Golden(image, ()))
        manifest = with_files(manifest, folder)
    if manifest.golden:
        found = observe_golden(predictor, folder / manifest.golden.image)
        manifest = replace(manifest, golden=Golden(manifest.golden.image, found))
        manifest.save(folder)
    return manifest
