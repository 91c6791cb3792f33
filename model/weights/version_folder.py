"""Version folders, written whole or not at all.

<base>/<name>/<integer>/   manifest.json, weights.npz and, once exported, the artifacts
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from model.config import CHANGEABLE, FRACTIONS, KNOWN_PRESETS, THRESHOLDS, Preset
from model.runtime.errors import ManifestError
from model.runtime.manifest import ModelManifest
from model.runtime.versions import versions

WEIGHTS_NAME = "weights.npz"

Weights = Mapping[str, NDArray[np.float32]]


def next_version(base: Path, name: str) -> int:
    """Return the version after the highest that model `name` has under `base`."""
    return max(versions(base / name), default=0) + 1


@contextmanager
def written_whole(folder: Path) -> Iterator[Path]:
    """Give a scratch folder that takes the place of `folder` once the block ends well.

    A `folder` that exists is replaced; after an error it is as it was.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    scratch.chmod(0o755)
    try:
        yield scratch
        if folder.exists():
            shutil.rmtree(folder)
        scratch.rename(folder)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def save_weights(folder: Path, weights: Weights, dtype: type[np.floating]) -> None:
    """Write folded weights as `weights.npz`: float16 halves the file, float32 keeps every bit."""
    arrays: dict[str, Any] = {name: weight.astype(dtype) for name, weight in weights.items()}
    np.savez(folder / WEIGHTS_NAME, **arrays)


def weights_dtype(folder: Path) -> type[np.floating[Any]]:
    """Return the type in which `weights.npz` keeps its numbers."""
    with np.load(folder / WEIGHTS_NAME, allow_pickle=False) as archive:
        kind: type[np.floating[Any]] = archive[archive.files[0]].dtype.type
        return kind


def load_weights(folder: Path, manifest: ModelManifest) -> dict[str, NDArray[np.float32]]:
    """Read `weights.npz` as float32, held against its digest.

    Raises ManifestError or DigestMismatch.
    """
    manifest.check_files(folder, WEIGHTS_NAME)
    try:
        with np.load(folder / WEIGHTS_NAME, allow_pickle=False) as archive:
            return {name: archive[name].astype(np.float32) for name in archive.files}
    except ValueError as error:
        raise ManifestError(f"{folder / WEIGHTS_NAME} is not a weights archive: {error}.") from None


def preset_of(manifest: ModelManifest) -> Preset:
    """Return a version's network: its preset, what was changed of it, its input shapes.

    Raises ManifestError for a preset or a change that is not known here.
    """
    if manifest.preset not in KNOWN_PRESETS:
        raise ManifestError(
            f"{manifest.name} has the preset {manifest.preset!r}; known are "
            f"{', '.join(KNOWN_PRESETS)}."
        )
    for name, value in manifest.preset_changes.items():
        if name not in CHANGEABLE or not _is_valid(name, value):
            raise ManifestError(
                f"{manifest.name} changes {name} of its preset to {value!r}; expected are counts, "
                f"or a threshold from 0 to 1, of {', '.join(CHANGEABLE)}."
            )
    changes: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value  # JSON has no tuples
        for name, value in manifest.preset_changes.items()
    }
    shapes = manifest.preprocessing
    return replace(
        KNOWN_PRESETS[manifest.preset],
        mean=shapes.mean,
        std=shapes.std,
        min_size=shapes.min_size,
        max_size=shapes.max_size,
        buckets=shapes.buckets,
        **changes,
    )


def changes_of(preset: Preset) -> dict[str, Any]:
    """Return what was changed of the preset, as a manifest keeps it for `preset_of`."""
    named = KNOWN_PRESETS[preset.name]
    return {
        name: getattr(preset, name)
        for name in CHANGEABLE
        if getattr(preset, name) != getattr(named, name)
    }


def _is_valid(name: str, value: object) -> bool:
    values: list[Any] = list(value) if isinstance(value, list | tuple) else [value]
    if name in THRESHOLDS:
        return all(type(each) in (int, float) and 0 <= each <= 1 for each in values)
    kinds = (int, float) if name in FRACTIONS else (int,)
    return all(type(each) in kinds and each > 0 for each in values)
