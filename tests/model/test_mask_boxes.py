"""Boxes of masks, against pycocotools and against what random input may bring."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from pycocotools import mask as coco_mask

from model.training.checks.masks import InvalidMask, mask_box

pixels = arrays(
    np.uint8, array_shapes(min_dims=2, max_dims=2, max_side=12), elements=st.integers(0, 1)
)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=8),
    max_leaves=12,
)


@given(pixels)
def test_run_lengths_have_the_box_that_pycocotools_finds(mask):
    height, width = mask.shape
    rle = coco_mask.encode(np.asfortranarray(mask))
    rle["counts"] = rle["counts"].decode()

    box = mask_box(rle, width, height)

    x, y, w, h = coco_mask.toBbox(rle)
    assert box == ((x, y, x + w, y + h) if mask.any() else None)


@given(pixels)
def test_run_lengths_as_a_list_are_those_of_the_text(mask):
    height, width = mask.shape
    edges = np.flatnonzero(np.diff(mask.ravel(order="F"), prepend=0))
    lengths = np.diff(edges, prepend=0, append=mask.size).tolist()
    text = coco_mask.frPyObjects({"size": [height, width], "counts": lengths}, height, width)
    text["counts"] = text["counts"].decode()

    as_list = {"size": [height, width], "counts": lengths}
    assert mask_box(as_list, width, height) == mask_box(text, width, height)


@given(json_values | st.fixed_dictionaries({"size": st.just([6, 8]), "counts": json_values}))
def test_whatever_json_brings_is_a_mask_or_says_why_not(segmentation):
    try:
        box = mask_box(segmentation, 8, 6)
    except InvalidMask:
        return
    assert box is None or (box[0] <= box[2] and box[1] <= box[3])


def test_polygons_have_the_box_around_them_all():
    assert mask_box([[1, 1, 5, 1, 5, 4], [6, 2, 8, 2, 8, 6]], 8, 6) == (1, 1, 8, 6)


def test_counts_that_would_read_foreign_memory_are_refused():
    with pytest.raises(InvalidMask, match="cover 0 pixels; the photograph has 48"):
        mask_box({"size": [6, 8], "counts": "0"}, 8, 6)
