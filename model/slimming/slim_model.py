"""From a version's weights to a smaller version that can be exported."""

from __future__ import annotations

import shutil
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from model.config import PRESETS, SLIMMABLE, Preset
from model.runtime.errors import SlimmingError
from model.runtime.manifest import FileRecord, Golden, ModelManifest
from model.slimming.low_rank import factor_box_head
from model.slimming.pruning import PARTS, Part, prune
from model.weights.version_folder import (
    WEIGHTS_NAME,
    Weights,
    load_weights,
    next_version,
    preset_of,
    save_weights,
    weights_dtype,
    written_whole,
)


@dataclass(frozen=True, slots=True)
class Slimming:
    """What to take away: a share of the channels of some parts, then a rank or an energy."""

    ratio: float | None = None
    parts: Collection[Part] = PARTS
    rank: int | None = None
    energy: float | None = None

    def apply(self, weights: Weights, preset: Preset) -> tuple[Weights, Preset]:
        """Return the smaller weights and their preset. Raises SlimmingError."""
        if self.ratio is None and self.rank is None and self.energy is None:
            raise SlimmingError("Nothing is to go: give a share to prune, a rank or an energy.")
        if self.rank is not None and self.energy is not None:
            raise SlimmingError(
                f"The rank is given as {self.rank} and by the energy {self.energy}; one decides."
            )
        if self.ratio is not None:
            weights, preset = prune(weights, preset, self.ratio, self.parts)
        if self.rank is not None or self.energy is not None:
            weights, preset = factor_box_head(weights, preset, rank=self.rank, energy=self.energy)
        return weights, preset

    def __str__(self) -> str:
        return " and ".join(self._steps())

    def _steps(self) -> Iterator[str]:
        if self.ratio is not None:
            yield f"pruned by {self.ratio:.0%} ({', '.join(self.parts)})"
        if self.rank is not None:
            yield f"factored with rank {self.rank}"
        if self.energy is not None:
            yield f"factored to keep {self.energy:.1%} of the energy"


@dataclass(frozen=True, slots=True)
class Extent:
    """How large a version is: parameters, bytes of `weights.npz`, the numbers of its network."""

    parameters: int
    bytes: int
    preset: Preset


def slim_model(
    folder: Path, slimming: Slimming, base: Path, name: str
) -> tuple[Path, Extent, Extent]:
    """Write `<base>/<name>/<next version>`, a smaller model than the version `folder` holds.

    It has weights, of the same type of number, and a manifest; the golden image comes along
    to be detected anew by the export. Returns the new folder and what was before and is after.
    Raises SlimmingError.
    """
    manifest = ModelManifest.load(folder)
    weights, preset = load_weights(folder, manifest), preset_of(manifest)
    slim_weights, slim_preset = slimming.apply(weights, preset)
    version = next_version(base, name)
    target = base / name / str(version)
    with written_whole(target) as scratch:
        save_weights(scratch, slim_weights, weights_dtype(folder))
        kept = [WEIGHTS_NAME]
        if manifest.golden:
            shutil.copyfile(folder / manifest.golden.image, scratch / manifest.golden.image)
            kept.append(manifest.golden.image)
        slim_manifest = replace(
            manifest,
            name=name,
            version=version,
            preset_changes=_changes(slim_preset),
            files={each: FileRecord.of(scratch / each) for each in kept},
            source=f"{manifest.name}/{manifest.version} {slimming}, from: {manifest.source}",
            created=datetime.now(UTC).isoformat(timespec="seconds"),
            golden=Golden(manifest.golden.image, ()) if manifest.golden else None,
            scores={},
            parity={},
        )
        slim_manifest.save(scratch)
    return (
        target,
        _extent(weights, preset, manifest),
        _extent(slim_weights, slim_preset, slim_manifest),
    )


def _changes(preset: Preset) -> dict[str, object]:
    """The numbers that differ from those of the preset's name."""
    named = PRESETS[preset.name]
    return {
        field: getattr(preset, field)
        for field in SLIMMABLE
        if getattr(preset, field) != getattr(named, field)
    }


def _extent(weights: Weights, preset: Preset, manifest: ModelManifest) -> Extent:
    parameters = sum(array.size for array in weights.values())
    return Extent(parameters, manifest.files[WEIGHTS_NAME].bytes, preset)
