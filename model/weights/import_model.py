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
from model.weights.families import Channels, read_weights
from model.weights.finite import check_folded
from model.weights.state_dict import Say
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
    batch_norm_epsilon: float | None = None,
    channels: Channels = "BGR",
    say: Say = lambda _: None,
) -> Path:
    """Write `<base>/<name>/<next version>` with the checkpoint's weights and a manifest.

    classes: in label order, background left out. source defaults to the checkpoint's
    name and digest. batch_norm_epsilon: None is the one that fits the file (batch_norm.py).
    channels: the order of colours that a Detectron2 model was given.
    say: takes a line for each thing that was done to the file's names or assumed about it.
    Raises CheckpointError for a file that cannot be read, WeightsMismatch for another
    architecture, a class list of the wrong length, weights that are not finite, or a name
    that is no folder's.
    """
    weights, num_classes, preset = read_weights(
        checkpoint, preset, batch_norm_epsilon, channels, say
    )
    # Of what cannot be read the name does not matter.
    _check_name(name)
    check_folded(weights, dtype)
    if len(classes) != num_classes - 1:
        raise WeightsMismatch(
            f"{len(classes)} classes are named, but {checkpoint} tells {num_classes - 1} apart "
            "(background is not to be named). --classes FILE names them, one a line."
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


def _check_name(name: str) -> None:
    """A model is a folder of its name, and hidden ones are not listed."""
    if not name or name.startswith(".") or set(name) & set("/\\:\0") or not name.isprintable():
        raise WeightsMismatch(
            f"{name!r} cannot be a model's name: it becomes a folder, so it may not begin with a "
            "dot or hold / \\ or :. Give another with --name."
        )


def preprocessing_of(preset: Preset) -> Preprocessing:
    """Describe a preset's input as its manifest does."""
    square = preset.resize_mode == "square"
    red, green, blue = (0 if square else round(value) for value in preset.mean)
    return Preprocessing(
        mean=preset.mean,
        std=preset.std,
        min_size=preset.min_size,
        max_size=preset.max_size,
        buckets=dict(preset.buckets),
        pad=(red, green, blue),
        resize_mode=preset.resize_mode,
    )


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
