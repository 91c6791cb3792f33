"""Mosaic: four photographs in one, each at half its size.

Bochkovskiy et al. 2020, https://arxiv.org/abs/2004.10934, section 3.4. Its use here: objects
at half their size, whose masks were drawn on the larger ones, and sixteen photographs in a
step of four. Photographs are joined only where the same classes are labelled, so that one
statement holds for the whole.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from itertools import accumulate

import numpy as np
import torch
from numpy.typing import NDArray

from model.training.partial_labels import Target
from model.training.samples import Sample

# Photographs in each direction.
ROWS = COLUMNS = 2
# Between photographs of different shapes; the embedded model's mean.
_GREY = 127

Tile = tuple[NDArray[np.uint8], Target]


class Partners:
    """Which photographs may be joined: those of one orientation, labelled alike."""

    def __init__(self, samples: Sequence[Sample]) -> None:
        self._kinds = [(s.height > s.width, s.labeled.tobytes()) for s in samples]
        self._members: dict[tuple[bool, bytes], list[int]] = defaultdict(list)
        for index, kind in enumerate(self._kinds):
            self._members[kind].append(index)

    def draw(self, index: int, rng: np.random.Generator) -> list[int]:
        """The photograph itself and, at random, the others of a mosaic."""
        others = rng.choice(self._members[self._kinds[index]], ROWS * COLUMNS - 1)
        return [index, *map(int, others)]


def join(tiles: Sequence[Tile]) -> Tile:
    """Join four photographs (h, w, 3) and their targets, row by row."""
    sizes = np.array([image.shape[:2] for image, _ in tiles]).reshape(ROWS, COLUMNS, 2)
    tops = [0, *accumulate(int(h) for h in sizes[..., 0].max(1))]
    lefts = [0, *accumulate(int(w) for w in sizes[..., 1].max(0))]
    canvas = np.full((tops[-1], lefts[-1], 3), _GREY, np.uint8)
    parts: list[Target] = []
    for place, (image, target) in enumerate(tiles):
        top, left = tops[place // COLUMNS], lefts[place % COLUMNS]
        height, width = image.shape[:2]
        canvas[top : top + height, left : left + width] = image
        parts.append(_moved(target, top, left, (tops[-1], lefts[-1])))
    joined = {name: torch.cat([part[name] for part in parts]) for name in parts[0]}
    return canvas, joined | {"labeled": tiles[0][1]["labeled"]}


def _moved(target: Target, top: int, left: int, size: tuple[int, int]) -> Target:
    """The target on a canvas of `size` (H, W)."""
    masks = target["masks"]
    height, width = masks.shape[1:]
    whole = masks.new_zeros((len(masks), *size))
    whole[:, top : top + height, left : left + width] = masks
    shift = torch.tensor([left, top, left, top], dtype=torch.float32)
    return target | {
        "boxes": target["boxes"] + shift,
        "ignore": target["ignore"] + shift,
        "masks": whole,
    }
