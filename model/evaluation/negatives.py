"""What a model finds where it certainly is not: false alarms, by what a photograph shows.

Average precision hardly asks whether a tiger is a cat, as few photographs of a test set show
what was never learnt. Here every photograph of a COCO file counts for the classes that are
labelled in full there and have no object. `shows` of an image, a list of names, says what
there is instead.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.table import Table

from model.evaluation.detect import read_annotated
from model.evaluation.mistakes import SCORE_THRESHOLD
from model.evaluation.truth import Photograph, shared_classes, to_photograph
from model.runtime.errors import DataError
from model.runtime.manifest import ModelClass
from model.runtime.predictor import Predictor
from model.training.checks.verdict import read_sound

NOT_SAID = "not said"


@dataclass(frozen=True, slots=True)
class Negative:
    """A photograph, what it shows, and the classes (names) that are certainly not in it."""

    photograph: Photograph
    shows: str
    absent: frozenset[str]


@dataclass(frozen=True, slots=True)
class FalseAlarms:
    """Photographs that show the same, and how many of them have a false alarm.

    found: class -> (photographs without any, those of them in which one was found).
    """

    shows: str
    photographs: int
    found: dict[str, tuple[int, int]]


def read_negatives(file: Path, images: Path, classes: Sequence[ModelClass]) -> list[Negative]:
    """Read the photographs in which some of a model's classes are certainly absent.

    Raises DataError for a file that is not COCO's or has errors, that has no class of the
    model, or in which every class is either present or not labelled in full.
    """
    data = read_sound(file, images)
    shared = shared_classes(data.class_names, classes, file)
    present: dict[int | str, set[int]] = defaultdict(set)
    for each in data.annotations:
        present[each.image_id].add(each.category_id)
    negatives = []
    for image in data.images:
        photograph = to_photograph(image, images)
        absent = {
            known.name
            for id_, known in shared.items()
            if photograph.labels(id_) and id_ not in present[image.id]
        }
        if absent:
            shows = " and ".join(image.shows) or NOT_SAID
            negatives.append(Negative(photograph, shows, frozenset(absent)))
    if not negatives:
        raise DataError(
            f"{file} has no photograph without a class of the model: nowhere is a class labelled "
            "in full (labeled_category_ids) and without an object."
        )
    return negatives


def count_false_alarms(
    predictor: Predictor, negatives: Sequence[Negative]
) -> Iterator[tuple[Negative, frozenset[str]]]:
    """Yield each photograph with the absent classes that are found there at SCORE_THRESHOLD."""
    for each in negatives:
        size = (each.photograph.width, each.photograph.height)
        found = predictor.predict(
            read_annotated(each.photograph),
            size,
            score_threshold=SCORE_THRESHOLD,
            classes=each.absent,
        )
        yield each, frozenset(found.class_names)


def summarize(
    counted: Sequence[tuple[Negative, frozenset[str]]], classes: Sequence[str]
) -> list[FalseAlarms]:
    """One row for whatever is shown, most photographs first, and one of all if there are more."""
    groups: dict[str, list[tuple[Negative, frozenset[str]]]] = defaultdict(list)
    for pair in counted:
        groups[pair[0].shows].append(pair)
    rows = [_row(shows, pairs, classes) for shows, pairs in groups.items()]
    rows.sort(key=lambda row: (-row.photographs, row.shows))
    return rows if len(rows) == 1 else [*rows, _row("all", counted, classes)]


def _row(
    shows: str, pairs: Sequence[tuple[Negative, frozenset[str]]], classes: Sequence[str]
) -> FalseAlarms:
    found = {}
    for name in classes:
        without = [alarms for negative, alarms in pairs if name in negative.absent]
        if without:
            found[name] = (len(without), sum(name in alarms for alarms in without))
    return FalseAlarms(shows, len(pairs), found)


def false_alarm_table(rows: Sequence[FalseAlarms]) -> Table:
    """Rows of what is shown; of every class, in how many of the photographs without it."""
    names = list(dict.fromkeys(name for row in rows for name in row.found))
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column("shows", no_wrap=True)
    for heading in ("photographs", *names):
        table.add_column(heading, justify="right")
    for row in rows:
        table.add_row(row.shows, str(row.photographs), *(share(row.found.get(n)) for n in names))
    return table


def share(counts: tuple[int, int] | Sequence[int] | None) -> str:
    """`5 of 13`; a dash where no photograph is certainly without the class."""
    return f"{counts[1]} of {counts[0]}" if counts else "–"


def as_figures(file: Path, rows: Sequence[FalseAlarms]) -> dict[str, Any]:
    """What a manifest keeps, and a report's negatives.json."""
    return {
        "file": file.name,
        "score": SCORE_THRESHOLD,
        "rows": [
            {"shows": row.shows, "photographs": row.photographs, "found": row.found} for row in rows
        ],
    }


def write_false_alarms(path: Path, file: Path, rows: Sequence[FalseAlarms]) -> Path:
    """Write the counts as JSON; answers the path."""
    path.write_text(json.dumps(as_figures(file, rows), indent=1) + "\n", encoding="utf-8")
    return path
