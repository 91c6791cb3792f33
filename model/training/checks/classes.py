"""Faults of the whole: classes with too few objects, or that mean different things."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from model.training.checks.findings import (
    FEW_OBJECTS,
    IMBALANCE,
    NO_MASKS,
    NO_OBJECTS,
    NOT_SCORED,
    OTHER_CLASSES,
    UNUSED_CLASS,
    Finding,
)
from model.training.checks.records import DataSet

# Of fewer objects neither a class nor its score is learnt: one object is 5 points of recall.
FEWEST_OBJECTS = 20
# Repeat factor sampling shows a class that is 50 times rarer at most 7 times as often.
_RAREST = 1 / 50


def count_objects(data: DataSet) -> Counter[int]:
    """How many objects each listed class has, by id; crowds are regions, not objects."""
    counts = Counter(dict.fromkeys(data.class_names, 0))
    counts.update(a.category_id for a in data.annotations if not a.iscrowd)
    return Counter({id_: counts[id_] for id_ in data.class_names})


def check_objects(data: DataSet) -> Iterator[Finding]:
    """Find a set without objects, or without masks."""
    if not sum(count_objects(data).values()):
        says = f"{len(data.images)} photographs hold no object of a listed class"
        yield Finding(NO_OBJECTS, data.name, says)
    elif not any(each.segmentation for each in data.annotations):
        says = f"none of {len(data.annotations)} annotations has a mask"
        yield Finding(NO_MASKS, data.name, says)


def check_balance(data: DataSet) -> Iterator[Finding]:
    """Find classes that have no or too few objects to learn from, the rarest first."""
    counts = count_objects(data)
    most = max(counts.values(), default=0)
    commonest = max(data.categories, key=lambda each: counts[each.id], default=None)
    if commonest is None or not most:
        return
    for id_, count in sorted(counts.items(), key=lambda item: item[1]):
        says = f"{data.class_names[id_]} (category {id_}) has {count:,}"
        if not count:
            yield Finding(UNUSED_CLASS, data.name, f"{data.class_names[id_]} (category {id_})")
        elif count < FEWEST_OBJECTS:
            yield Finding(FEW_OBJECTS, data.name, f"{says}; at least {FEWEST_OBJECTS} are needed")
        elif count < most * _RAREST:
            yield Finding(IMBALANCE, data.name, f"{says}; {commonest.name} has {most:,}")


def compare_classes(train: DataSet, val: DataSet) -> Iterator[Finding]:
    """Find ids that mean different classes, and classes that are learnt and not scored."""
    learnt, scored = count_objects(train), count_objects(val)
    for id_, name in train.class_names.items():
        other = val.class_names.get(id_, name)
        if other.casefold() != name.casefold():
            says = f"category {id_} is {other!r} here and {name!r} in {train.name}"
            yield Finding(OTHER_CLASSES, val.name, says)
        elif learnt[id_] and not scored[id_]:
            says = (
                f"{name} (category {id_}) has no object here, and {learnt[id_]:,} in {train.name}"
            )
            yield Finding(NOT_SCORED, val.name, says)
