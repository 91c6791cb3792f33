"""Small things in large photographs: detect in the whole, and in overlapping tiles of it.

    whole, reduced + tiles, near scale 1 -> boxes in the frame -> merged, best score first

N detections, T tiles. A view is the whole photograph or one of its tiles.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from math import ceil

import numpy as np
from numpy.typing import NDArray

from model.runtime.detections import DEFAULT_SCORE_THRESHOLD, MAX_DETECTIONS, Detections
from model.runtime.predictor import Predictor

# Below this reduction tiles would show hardly more than the whole does.
_WORTHWHILE_REDUCTION = 1.5
# Of a tile's side, at least; what is smaller is whole in some tile, wherever it lies.
_OVERLAP = 0.2
# A tile takes as long as a photograph: beyond this many they grow instead, by this factor.
_MAX_TILES = 24
_GROWTH = 1.05
# Of a tile's side: boxes that end this near to a border may go on behind it. At 512 px it
# is 10 px, a little more than one cell of the network's finest features.
_BORDER = 0.02

_SAME_IOU = 0.5
_PART_OF_WHOLE = 0.8


@dataclass(frozen=True, slots=True)
class Tile:
    """A part of the frame: columns x1 to x2 and rows y1 to y2, the ends not included. Pixels."""

    x1: int
    y1: int
    x2: int
    y2: int


def is_large(predictor: Predictor, frame_size: tuple[int, int]) -> bool:
    """Tell whether a photograph is reduced so much that tiles would show more."""
    return max(frame_size) > _WORTHWHILE_REDUCTION * max(predictor.input_size(frame_size))


def predict_tiled(
    predictor: Predictor,
    pixels: NDArray[np.uint8],
    *,
    score_threshold: float = DEFAULT_SCORE_THRESHOLD,
    max_detections: int = MAX_DETECTIONS,
    classes: Collection[str] | None = None,
) -> Detections:
    """Find instances in an upright photograph, (h, w, 3) RGB at full scale, and in its tiles.

    The options are those of `Predictor.predict`.
    """

    def predict(view: NDArray[np.uint8]) -> Detections:
        height, width = view.shape[:2]
        return predictor.predict(
            view,
            (width, height),
            score_threshold=score_threshold,
            max_detections=max_detections,
            classes=classes,
        )

    height, width = pixels.shape[:2]
    side, _ = predictor.input_size((max(width, height),) * 2)
    tiles = lay_tiles(width, height, side)
    found = [predict(pixels)]
    found += [
        _in_frame(predict(pixels[tile.y1 : tile.y2, tile.x1 : tile.x2]), tile, width, height)
        for tile in tiles
    ]
    views = np.repeat(np.arange(len(found)), [len(each) for each in found])
    return merge(_join(found), views, tiles, max_detections)


def lay_tiles(width: int, height: int, side: int) -> list[Tile]:
    """Cover a frame with overlapping tiles of `side` or, where those were too many, larger ones."""
    size: float = side
    while _count(width, size) * _count(height, size) > _MAX_TILES:
        size *= _GROWTH
    return [
        Tile(x1, y1, x2, y2) for y1, y2 in _spread(height, size) for x1, x2 in _spread(width, size)
    ]


def merge(
    found: Detections, views: NDArray[np.int64], tiles: Sequence[Tile], max_detections: int
) -> Detections:
    """Leave one detection of every instance that several views show.

    views (N,): where each detection was made, 0 for the whole frame, t + 1 for `tiles[t]`.

    What a tile's inner border cuts is dropped if another tile shows it whole; else it
    gives way to any detection of its class that holds it. Of two equals the surer one stays.
    Detections of one view are never compared: the network's own NMS has done that.
    """
    whole = np.hstack([np.ones((len(found), 1), bool), _shown_whole(found, tiles)])
    cut: NDArray[np.bool_] = ~whole[np.arange(len(found)), views]
    order = np.lexsort((-found.scores, cut))
    kept = np.zeros(len(found), bool)
    for index in order[~(cut & np.any(whole[:, 1:], axis=1))[order]]:
        rivals = kept & (views != views[index]) & (found.class_ids == found.class_ids[index])
        kept[index] = not _repeats(found.boxes[index], found.boxes[rivals])
    best_first = np.argsort(-found.scores, kind="stable")
    return found.select(best_first[kept[best_first]][:max_detections])


def _count(length: int, size: float) -> int:
    """How many tiles of `size` cover `length`."""
    return 1 + max(0, ceil((length - size) / (size * (1 - _OVERLAP))))


def _spread(length: int, size: float) -> list[tuple[int, int]]:
    """Place tiles at equal distances: where each begins and ends."""
    extent = min(ceil(size), length)
    starts = np.linspace(0, length - extent, _count(length, size)).astype(int)
    return [(start, start + extent) for start in starts.tolist()]


def _in_frame(found: Detections, tile: Tile, width: int, height: int) -> Detections:
    offset = np.array([tile.x1, tile.y1] * 2, np.float32)
    return replace(found, width=width, height=height, boxes=found.boxes + offset)


def _join(found: Sequence[Detections]) -> Detections:
    return Detections(
        width=found[0].width,
        height=found[0].height,
        boxes=np.concatenate([each.boxes for each in found]),
        scores=np.concatenate([each.scores for each in found]),
        class_ids=np.concatenate([each.class_ids for each in found]),
        class_names=tuple(name for each in found for name in each.class_names),
        raw_masks=np.concatenate([each.raw_masks for each in found]),
    )


def _shown_whole(found: Detections, tiles: Sequence[Tile]) -> NDArray[np.bool_]:
    """Which boxes lie in which tiles, clear of the tile's inner borders: (N, T)."""
    areas = np.array([_clear_area(tile, found.width, found.height) for tile in tiles])
    boxes = found.boxes[:, None]
    inside = (boxes[..., :2] >= areas[:, :2]) & (boxes[..., 2:] <= areas[:, 2:])
    shown: NDArray[np.bool_] = np.logical_and.reduce(inside, axis=2)
    return shown


def _clear_area(tile: Tile, width: int, height: int) -> tuple[float, float, float, float]:
    margin = _BORDER * max(tile.x2 - tile.x1, tile.y2 - tile.y1)
    return (
        tile.x1 + margin if tile.x1 > 0 else 0,
        tile.y1 + margin if tile.y1 > 0 else 0,
        tile.x2 - margin if tile.x2 < width else width,
        tile.y2 - margin if tile.y2 < height else height,
    )


def _repeats(box: NDArray[np.float32], others: NDArray[np.float32]) -> bool:
    """Tell whether `box` (4,) is one of `others` (M, 4) again, a part of it, or around it."""
    low, high = np.maximum(box[:2], others[:, :2]), np.minimum(box[2:], others[:, 2:])
    shared = np.clip(high - low, 0, None).prod(axis=1)
    area, areas = (box[2:] - box[:2]).prod(), (others[:, 2:] - others[:, :2]).prod(axis=1)
    same = shared > _SAME_IOU * (area + areas - shared)
    part = shared > _PART_OF_WHOLE * np.minimum(area, areas)
    return bool((same | part).any())
