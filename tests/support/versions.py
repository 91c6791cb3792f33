"""Version folders of seeded weights, as `maskdrop model import` leaves them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
from seeded_weights import NUM_CLASSES

from model.config import Preset
from model.runtime.manifest import FileRecord, ModelClass, ModelManifest
from model.weights.import_model import preprocessing_of
from model.weights.version_folder import WEIGHTS_NAME, Weights, changes_of, save_weights

CLASSES = tuple(ModelClass(label, f"class {label}") for label in range(1, NUM_CLASSES))


def write_version(
    folder: Path,
    preset: Preset,
    weights: Weights,
    *,
    landscape: tuple[int, int] | None = None,
    dtype: type[np.floating] = np.float32,
) -> None:
    """Write version 1 of `seeded`; `landscape` is its only input shape, (height, width)."""
    folder.mkdir(parents=True, exist_ok=True)
    save_weights(folder, weights, dtype)
    preprocessing = preprocessing_of(preset)
    if landscape:
        preprocessing = replace(preprocessing, buckets={"landscape": landscape})
    ModelManifest(
        name="seeded",
        version=1,
        preset=preset.name,
        preset_changes=changes_of(preset),
        classes=CLASSES,
        preprocessing=preprocessing,
        files={WEIGHTS_NAME: FileRecord.of(folder / WEIGHTS_NAME)},
        source="a formula",
        licence="CC0-1.0",
        created="2026-11-22T00:00:00+00:00",
    ).save(folder)
