"""The photographs with the worst answers: what was found beside what is there, and why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from textwrap import shorten

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch, Rectangle
from numpy.typing import NDArray
from pycocotools import mask as coco_mask

from model.evaluation.detect import read_annotated
from model.evaluation.mistakes import GOOD_IOU, SCORE_THRESHOLD, Pair, Review, encoded
from model.evaluation.truth import Photograph, Truth

# Okabe and Ito's, which colour-blind eyes tell apart.
_COLOURS = {
    "right": (0, 158, 115),
    "poor": (240, 228, 66),
    "false": (213, 94, 0),
    "missed": (213, 94, 0),
    "confused": (204, 121, 167),
    "ignored": (150, 150, 150),
}
_LEGEND = {
    "right": "right",
    "poor": f"right, IoU below {GOOD_IOU}",
    "confused": "taken for another class",
    "false": "false, or missed",
    "ignored": "not labelled here: not judged",
}
_TINT = 0.45
_PER_ROW = 2
_CAPTION = 70


def draw_worst(truth: Truth, reviews: Sequence[Review]) -> Figure:
    """Two photographs a row, each twice: what was found on the left, what is there on the right."""
    rows = max(-(-len(reviews) // _PER_ROW), 1)
    figure = Figure(figsize=(16, 1 + 3.5 * rows), dpi=100, layout="constrained")
    figure.suptitle(
        f"The {len(reviews)} worst photographs: what was found, with a score of {SCORE_THRESHOLD} "
        "and more, beside what is there"
    )
    names = {each.id: each.name for each in truth.classes}
    cells = figure.subplots(rows, 2 * _PER_ROW, squeeze=False).reshape(-1, 2)
    for axes in cells.ravel():
        axes.set_axis_off()
    for (found, there), each in zip(cells, reviews, strict=False):
        _draw(found, each, "found", names)
        _draw(there, each, "there", names)
    figure.legend(
        handles=[Patch(color=_unit(_COLOURS[key]), label=text) for key, text in _LEGEND.items()],
        loc="outside lower center",
        ncols=len(_LEGEND),
    )
    return figure


def explain(review: Review, names: dict[int, str]) -> str:
    """`missed 2 person; false 1 dog; poor mask of 1 cat`."""

    def listed(categories: Iterator[int]) -> str:
        counts = Counter(names[each] for each in categories)
        return ", ".join(f"{count} {name}" for name, count in counts.items())

    found, objects = review.found, review.objects
    parts = {
        "missed": listed(objects[index]["category_id"] for index in review.missed),
        "false": listed(found[index]["category_id"] for index in review.false),
        "poor mask of": listed(found[pair.found]["category_id"] for pair in review.poor()),
        "taken for another": listed(
            objects[pair.object]["category_id"] for pair in review.confused()
        ),
    }
    return "; ".join(f"{what} {which}" for what, which in parts.items() if which)


def _draw(axes: Axes, review: Review, side: str, names: dict[int, str]) -> None:
    photograph = review.photograph
    pixels = read_annotated(photograph).astype(np.float32)
    kinds = _found_kinds(review) if side == "found" else _object_kinds(review)
    shapes = review.found if side == "found" else review.objects
    for shape, kind in zip(shapes, kinds, strict=True):
        colour = _COLOURS[kind]
        if shape["segmentation"]:
            mask = _mask(shape["segmentation"], photograph)
            pixels[mask] += _TINT * (np.array(colour, np.float32) - pixels[mask])
        x, y, w, h = shape["bbox"]
        edge = Rectangle((x, y), w, h, fill=False, edgecolor=_unit(colour), linewidth=1.5)
        axes.add_patch(edge)
        label = names[shape["category_id"]] + (f" {shape['score']:.2f}" if side == "found" else "")
        style = {"facecolor": _unit(colour), "edgecolor": "none", "pad": 1, "alpha": 0.85}
        axes.text(x, y, label, fontsize=7, va="bottom", clip_on=True, bbox=style)
    axes.imshow(pixels.astype(np.uint8))
    axes.set_xlim(0, photograph.width)
    axes.set_ylim(photograph.height, 0)
    caption = f"{side}: {photograph.path.name if side == 'found' else explain(review, names)}"
    axes.set_title(shorten(caption, _CAPTION, placeholder=" …"), fontsize=9)


def _found_kinds(review: Review) -> list[str]:
    kinds = ["ignored"] * len(review.found)
    for index in review.false:
        kinds[index] = "false"
    for kind, pairs in _pair_kinds(review):
        for pair in pairs:
            kinds[pair.found] = kind
    return kinds


def _object_kinds(review: Review) -> list[str]:
    kinds = ["missed"] * len(review.objects)
    for kind, pairs in _pair_kinds(review):
        for pair in pairs:
            kinds[pair.object] = kind
    return kinds


def _pair_kinds(review: Review) -> list[tuple[str, Iterator[Pair]]]:
    """Each kind and its pairs; what is poor is right too, and so comes after it."""
    return [("right", review.right()), ("poor", review.poor()), ("confused", review.confused())]


def _mask(segmentation: object, photograph: Photograph) -> NDArray[np.bool_]:
    mask: NDArray[np.bool_] = coco_mask.decode(encoded(segmentation, photograph)).astype(bool)
    return mask


def _unit(colour: tuple[int, int, int]) -> tuple[float, float, float]:
    red, green, blue = colour
    return red / 255, green / 255, blue / 255
