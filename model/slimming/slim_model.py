"""From a version's weights to a smaller version that can be exported."""

from __future__ import annotations

import shutil
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from model.config import SLIMMABLE, Preset
from model.runtime.errors import SlimmingError
from model.runtime.manifest import FileRecord, Golden, ModelManifest
from model.slimming.low_rank import factor_box_head
from model.slimming.pruning import Part, prune
from model.weights.version_folder import (
    WEIGHTS_NAME,
    Weights,
    changes_of,
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
    parts: Collection[Part] = tuple(Part)
    rank: int | None = None
    energy: float | None = None

    def apply(self, weights: Weights, preset: Preset) -> tuple[Weights, Preset]:
        """Return the smaller weights and their preset. Raises SlimmingError."""
        if self.ratio is None and self.rank is None and self.energy is None:
            raise SlimmingError("Nothing to slim: give a share to prune, a rank or an energy.")
        if self.rank is not None and self.energy is not None:
            raise SlimmingError(
                f"Both a rank ({self.rank}) and an energy ({self.energy}) are given; one decides."
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
    """How large a version is: parameters, bytes of `weights.npz`, what may be slimmed."""

    parameters: int
    bytes: int
    numbers: dict[str, Any]

    @classmethod
    def of(cls, folder: Path, weights: Weights, preset: Preset) -> Extent:
        return cls(
            parameters=sum(array.size for array in weights.values()),
            bytes=(folder / WEIGHTS_NAME).stat().st_size,
            numbers={name: getattr(preset, name) for name in SLIMMABLE}
            | {"backbone_widths": preset.block_widths},
        )


@dataclass(frozen=True, slots=True)
class Slimmed:
    """The new version's folder, and what was before and is after."""

    folder: Path
    before: Extent
    after: Extent


def slim_model(folder: Path, slimming: Slimming, base: Path, name: str) -> Slimmed:
    """Write `<base>/<name>/<next version>`, a smaller model than the version `folder` holds.

    It has a manifest and weights, of the same type of number; the golden image comes along,
    to be detected anew by the export. Raises SlimmingError.
    """
    manifest = ModelManifest.load(folder)
    weights, preset = load_weights(folder, manifest), preset_of(manifest)
    slim_weights, slim_preset = slimming.apply(weights, preset)
    version = next_version(base, name)
    target = base / name / str(version)
    with written_whole(target) as scratch:
        save_weights(scratch, slim_weights, weights_dtype(folder))
        files = [WEIGHTS_NAME]
        if manifest.golden:
            files.append(manifest.golden.image)
            shutil.copyfile(folder / manifest.golden.image, scratch / manifest.golden.image)
        replace(
            manifest,
            name=name,
            version=version,
            preset_changes=changes_of(slim_preset),
            files={file: FileRecord.of(scratch / file) for file in files},
            source=f"{manifest.name}/{manifest.version} {slimming}, from: {manifest.source}",
            created=datetime.now(UTC).isoformat(timespec="seconds"),
            golden=manifest.golden and Golden(manifest.golden.image, ()),
            scores={},
            parity={},
        ).save(scratch)
    return Slimmed(
        target,
        Extent.of(folder, weights, preset),
        Extent.of(target, slim_weights, slim_preset),
    )
