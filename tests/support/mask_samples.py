"""Masks and detections made by hand for tests."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from handler.schemas import Detection
from model.runtime.detections import Detections, InstanceMask
from model.runtime.postprocess import paste_masks
from model.runtime.rle import encode_rle

RAW_SIDE = 28


def mask_of(drawing: str, x: int = 0, y: int = 0) -> InstanceMask:
    """A mask drawn in rows of `#` (set) and `.`."""
    rows = drawing.split()
    return InstanceMask(x, y, np.array([[pixel == "#" for pixel in row] for row in rows]))


def on_frame(mask: InstanceMask, width: int, height: int) -> NDArray[np.bool_]:
    frame = np.zeros((height, width), bool)
    frame[mask.window] = mask.pixels
    return frame


def blob(width: int, height: int, seed: int = 0) -> NDArray[np.bool_]:
    """Smooth parts with holes, some cut by the edges: waves of random directions, (h, w)."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:height, :width] / max(width, height)
    waves = [
        np.sin(2 * np.pi * (a * x + b * y + phase))
        for a, b, phase in rng.uniform([-3, -3, 0], [3, 3, 1], (5, 3))
    ]
    return np.asarray(np.sum(waves, axis=0) > 0)


def detections_of(width: int, height: int, boxes: ArrayLike) -> Detections:
    """One person with a full mask in each box, scores falling from 0.99."""
    corners = np.asarray(boxes, np.float32).reshape(-1, 4)
    count = len(corners)
    return Detections(
        width=width,
        height=height,
        boxes=corners,
        scores=np.linspace(0.99, 0.5, count, dtype=np.float32),
        class_ids=np.ones(count, np.int64),
        class_names=("person",) * count,
        raw_masks=np.full((count, RAW_SIDE, RAW_SIDE), 255, np.uint8),
    )


def detected(
    detections: Detections, masks: Iterable[InstanceMask] | None = None
) -> list[Detection]:
    """Detections as a manifest lists them, with these masks in place of their own."""
    width, height = detections.width, detections.height
    return [
        Detection(
            index=index,
            class_id=int(detections.class_ids[index]),
            class_name=detections.class_names[index],
            score=round(float(detections.scores[index]), 5),
            box=tuple(detections.boxes[index].tolist()),
            area=mask.area,
            rle=encode_rle(mask, width, height),
            raw_mask="",
        )
        for index, mask in enumerate(masks or paste_masks(detections))
    ]
