from __future__ import annotations

import io

import pytest
from coco_files import CAT, DOG, NAMES, found, thing, write_coco
from rich.console import Console

from model.evaluation.scores import evaluate
from model.evaluation.tables import comparison_table
from model.evaluation.truth import KINDS, read_truth
from model.runtime.manifest import ModelClass

BOX, ELSEWHERE = (10, 10, 40, 40), (60, 60, 30, 30)


@pytest.fixture
def evaluations(tmp_path):
    """One that finds the cat and the dog in each of two photographs; one that misses the dogs."""
    things = [each for n in (1, 2) for each in (thing(n, CAT, BOX), thing(n, DOG, ELSEWHERE))]
    truth = read_truth(
        write_coco(tmp_path, things, images=2),
        tmp_path / "images",
        [ModelClass(*each) for each in NAMES.items()],
    )
    cats = [found(n, CAT, BOX, 0.9) for n in (1, 2)]
    dogs = [found(n, DOG, ELSEWHERE, 0.9) for n in (1, 2)]
    return {
        name: {kind: evaluate(truth, results, kind, 10) for kind in KINDS}
        for name, results in {"float32": cats + dogs, "litert": cats}.items()
    }


def test_comparison_shows_what_was_lost_in_points(evaluations):
    file = io.StringIO()
    Console(file=file, width=80).print(comparison_table(evaluations))
    rows = {line.split()[0]: " ".join(line.split()[1:]) for line in file.getvalue().splitlines()}

    assert rows["cat"].startswith("1.000 1.000 +0.0 (+0.0, +0.0)")
    assert rows["dog"].startswith("1.000 0.000 -100.0 (-100.0, -100.0)")
    assert rows["all"].startswith("1.000 0.500 -50.0")
