"""Check a COCO-format data set before anything is learnt from it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import chain

from model.training.checks.classes import check_balance, check_objects, compare_classes
from model.training.checks.findings import Finding, Level
from model.training.checks.photographs import ReadablePhotograph, check_duplicates, check_leaks
from model.training.checks.records import DataSet
from model.training.checks.verdict import find_faults


@dataclass(frozen=True, slots=True)
class DataReport:
    """What was found in the data sets."""

    data_sets: tuple[DataSet, ...]
    findings: tuple[Finding, ...]

    def count(self, level: Level) -> int:
        """How many findings there are of a level."""
        return sum(each.rule.level == level for each in self.findings)


def check_data(
    train: DataSet, val: DataSet | None = None, on_photograph: Callable[[], None] = lambda: None
) -> DataReport:
    """Check a training set, and a validation set against it.

    on_photograph: called for each that was read, for a progress bar.
    """
    learnt, findings = _check_one(train, on_photograph)
    findings += check_balance(train)
    if val is None:
        return DataReport((train,), tuple(findings))
    scored, more = _check_one(val, on_photograph)
    findings += chain(more, compare_classes(train, val), check_leaks(train, learnt, val, scored))
    return DataReport((train, val), tuple(findings))


def _check_one(
    data: DataSet, on_photograph: Callable[[], None]
) -> tuple[list[ReadablePhotograph], list[Finding]]:
    photographs, findings = find_faults(data, on_photograph)
    more = chain(check_objects(data), check_duplicates(data, photographs))
    return photographs, [*findings, *more]
