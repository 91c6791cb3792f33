"""From a checkpoint file to a model version that can be exported."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from model.config import Preset
from model.runtime.errors import WeightsMismatch
from model.runtime.manifest import FileRecord, ModelClass, ModelManifest, Preprocessing
from model.weights.checkpoint import read_checkpoint
from model.weights.torchvision import fold
from model.weights.version_folder import (
    WEIGHTS_NAME,
    changes_of,
    next_version,
    save_weights,
    written_whole,
)


def import_model(
    checkpoint: Path,
    preset: Preset,
    classes: Sequence[ModelClass],
    base: Path,
    name: str,
    *,
    source: str | None = None,
    licence: str = "not stated",
    dtype: type[np.floating] = np.float32,
) -> Path:
    """Write `<base>/<name>/<next version>` with the checkpoint's weights and a manifest.

    classes: in label order, background left out. source defaults to the checkpoint's
    name and digest.
    Raises CheckpointError for a file that cannot be read, WeightsMismatch for another
    architecture or a class list of the wrong length.
    """
    weights, num_classes = fold(read_checkpoint(checkpoint), preset)
    if len(classes) != num_classes - 1:
        raise WeightsMismatch(
            f"{len(classes)} classes are named, but {checkpoint} tells {num_classes - 1} apart "
            f"(background is not to be named)."
        )
    version = next_version(base, name)
    folder = base / name / str(version)
    with written_whole(folder) as scratch:
        save_weights(scratch, weights, dtype)
        ModelManifest(
            name=name,
            version=version,
            preset=preset.name,
            preset_changes=changes_of(preset),
            classes=tuple(classes),
            preprocessing=preprocessing_of(preset),
            files={WEIGHTS_NAME: FileRecord.of(scratch / WEIGHTS_NAME)},
            source=source or f"{checkpoint.name}, SHA-256 {_digest(checkpoint)}",
            licence=licence,
            created=datetime.now(UTC).isoformat(timespec="seconds"),
        ).save(scratch)
    return folder


def read_classes(path: Path) -> tuple[ModelClass, ...]:
    """Read class names, one a line, in label order; ids count from 1.

    A line may give its own id in front of a tab (`17<TAB>cat`), as COCO numbers its classes.
    Raises WeightsMismatch for a line without a name.
    """
    classes = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        first, tab, rest = line.partition("\t")
        own_id, name = (first.strip(), rest.strip()) if tab else (str(number), first.strip())
        if not name or not own_id.isdecimal():
            raise WeightsMismatch(
                f"{path}, line {number}: {line!r} is not a class name (or an id, a tab and a name)."
            )
        classes.append(ModelClass(int(own_id), name))
    return tuple(classes)


def preprocessing_of(preset: Preset) -> Preprocessing:
    """Describe a preset's input as its manifest does."""
    red, green, blue = (round(value) for value in preset.mean)
    return Preprocessing(
        mean=preset.mean,
        std=preset.std,
        min_size=preset.min_size,
        max_size=preset.max_size,
        buckets=dict(preset.buckets),
        pad=(red, green, blue),
    )


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
