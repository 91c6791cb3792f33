"""What a predictor finds in the photographs, as COCO results.

A mask is encoded as soon as it is pasted, so that only one is in memory.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypedDict

import numpy as np
from numpy.typing import NDArray

from model.evaluation.truth import Photograph, Truth
from model.photographs import read_pixels
from model.runtime.edges import Edges, refine_edges
from model.runtime.errors import DataError
from model.runtime.postprocess import paste_masks
from model.runtime.predictor import Predictor
from model.runtime.rle import RLE, encode_rle

# COCO's protocol keeps everything that a detector is at all sure of.
SCORE_THRESHOLD = 0.05


class Result(TypedDict):
    """One detection; `bbox` is x, y, width, height in the photograph's pixels."""

    image_id: int | str
    category_id: int
    bbox: list[float]
    score: float
    segmentation: RLE


def detect_all(
    predictor: Predictor, truth: Truth, edges: Edges = "plain"
) -> Iterator[list[Result]]:
    """Yield what is found in each photograph, of the classes that the truth has.

    Raises DataError for a photograph that cannot be read, or has another size than stated.
    """
    categories = {each.name: each.id for each in truth.classes}
    for photograph in truth.photographs:
        pixels = read_annotated(photograph)
        size = (photograph.width, photograph.height)
        found = predictor.predict(
            pixels, size, score_threshold=SCORE_THRESHOLD, classes=categories.keys()
        )
        if edges == "refined":
            found = refine_edges(found, pixels)
        results = []
        for index, mask in enumerate(paste_masks(found)):
            x1, y1, x2, y2 = found.boxes[index].tolist()
            results.append(
                Result(
                    image_id=photograph.id,
                    category_id=categories[found.class_names[index]],
                    bbox=[x1, y1, x2 - x1, y2 - y1],
                    score=float(found.scores[index]),
                    segmentation=encode_rle(mask, *size),
                )
            )
        yield results


def read_annotated(photograph: Photograph) -> NDArray[np.uint8]:
    """Decode to upright RGB (h, w, 3); raises DataError for another size than is annotated."""
    pixels = read_pixels(photograph.path)
    height, width = pixels.shape[:2]
    if (width, height) != (photograph.width, photograph.height):
        raise DataError(
            f"{photograph.path} is {width}×{height}, upright; its annotations are for "
            f"{photograph.width}×{photograph.height}."
        )
    return pixels
