"""Faults that the JSON alone shows: ids, references, boxes, masks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from model.training.checks.findings import (
    BOX_EMPTY,
    BOX_OUTSIDE,
    DUPLICATE_ANNOTATION,
    DUPLICATE_CLASS,
    DUPLICATE_ID,
    MASK_EMPTY,
    MASK_INVALID,
    MASK_OFF_BOX,
    MIXED_IDS,
    UNKNOWN_CATEGORY,
    UNKNOWN_IMAGE,
    UNKNOWN_LABELED,
    Finding,
    Rule,
)
from model.training.checks.masks import ROUNDING, Box, InvalidMask, mask_box
from model.training.checks.records import NO_ID, Annotation, DataSet, Image

# A mask's box may differ from the one stated by this many pixels or by this share of the longer
# side: boxes and masks scaled apart, in 8,400 objects of people-animals, differ by up to 5 px.
_SLACK_PIXELS = 3.0
_SLACK_SHARE = 0.1


def check_ids(data: DataSet) -> Iterator[Finding]:
    """Find ids and class names that are used more than once, and ids of two types."""
    for kind, records in (
        ("image", data.images),
        ("annotation", data.annotations),
        ("category", data.categories),
    ):
        for id_, times in Counter(each.id for each in records).items():
            if times > 1 and id_ != NO_ID:
                yield Finding(
                    DUPLICATE_ANNOTATION if kind == "annotation" else DUPLICATE_ID,
                    data.name,
                    f"{kind} id {id_!r} is used {times} times",
                    image_id=id_ if kind == "image" else None,
                    annotation_id=id_ if kind == "annotation" else None,
                )
    texts = [each for each in data.images if isinstance(each.id, str)]
    if 0 < len(texts) < len(data.images):
        says = f"image id {texts[0].id!r} is text, and those of others are numbers"
        yield Finding(MIXED_IDS, data.name, says, texts[0].file_name, texts[0].id)
    names = Counter(each.name.casefold() for each in data.categories)
    for each in data.categories:
        if names[each.name.casefold()] > 1:
            says = f"category {each.id} is called {each.name!r}, and so is another"
            yield Finding(DUPLICATE_CLASS, data.name, says)


def check_references(data: DataSet) -> Iterator[Finding]:
    """Find images and categories that are named and not listed."""
    images, classes = data.image_by_id, data.class_names
    for each in data.annotations:
        image = images.get(each.image_id)
        if image is None:
            says = f"image {each.image_id!r} is not listed"
            yield _of(UNKNOWN_IMAGE, says, data, each, None)
        if each.category_id not in classes:
            says = f"category {each.category_id} is not listed"
            yield _of(UNKNOWN_CATEGORY, says, data, each, image)
    for image in data.images:
        labeled = [] if image.labeled_category_ids == "all80" else image.labeled_category_ids
        unknown = sorted(set(labeled) - classes.keys())
        if unknown:
            says = f"labeled_category_ids names {', '.join(map(str, unknown))}"
            yield Finding(UNKNOWN_LABELED, data.name, says, image.file_name, image.id)


def check_shapes(data: DataSet) -> Iterator[Finding]:
    """Find boxes and masks that are empty, outside, invalid, or do not fit each other."""
    images = data.image_by_id
    for each in data.annotations:
        image = images.get(each.image_id)
        if image is not None:
            for rule, says in _faults(each, image):
                yield _of(rule, says, data, each, image)


def _faults(annotation: Annotation, image: Image) -> Iterator[tuple[Rule, str]]:
    x, y, w, h = annotation.bbox
    box = (x, y, x + w, y + h)
    shown = f"bbox {[round(value, 1) for value in annotation.bbox]}"
    empty = w <= 0 or h <= 0
    if empty:
        yield BOX_EMPTY, f"{shown} has no area"
    elif max(-x, -y, box[2] - image.width, box[3] - image.height) > ROUNDING:
        yield BOX_OUTSIDE, f"{shown} leaves the photograph of {image.width}×{image.height}"
    if annotation.segmentation is None or annotation.segmentation == []:
        return
    try:
        around = mask_box(annotation.segmentation, image.width, image.height)
    except InvalidMask as error:
        yield MASK_INVALID, str(error)
        return
    if around is None:
        yield MASK_EMPTY, "the mask has no pixel"
    elif not empty and _differ(around, box):
        x1, y1, x2, y2 = around
        fits = [round(value, 1) for value in (x1, y1, x2 - x1, y2 - y1)]
        yield MASK_OFF_BOX, f"{shown} is stated; the mask's is {fits}"


def _differ(found: Box, stated: Box) -> bool:
    most = max(abs(a - b) for a, b in zip(found, stated, strict=True))
    longer = max(stated[2] - stated[0], stated[3] - stated[1])
    return most > max(_SLACK_PIXELS, _SLACK_SHARE * longer)


def _of(
    rule: Rule, says: str, data: DataSet, annotation: Annotation, image: Image | None
) -> Finding:
    name = image.file_name if image else None
    id_ = None if annotation.id == NO_ID else annotation.id
    return Finding(rule, data.name, says, name, annotation.image_id, id_)
