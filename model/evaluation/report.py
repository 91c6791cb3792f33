"""What an evaluation leaves in a folder for people to look at.

results.json    what was found, as COCO results
curves.png      precision over recall, by class
confusion.png   which class is taken for which
worst.jpg       the photographs with the worst answers, beside what is there
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from model.evaluation.detect import Result
from model.evaluation.mistakes import confusion, review, worst
from model.evaluation.pictures import draw_confusion, draw_curves
from model.evaluation.scores import Evaluation
from model.evaluation.truth import Kind, Truth
from model.evaluation.worst_sheet import draw_worst

WORST = 10


def write_report(
    folder: Path, truth: Truth, results: Sequence[Result], evaluations: dict[Kind, Evaluation]
) -> list[Path]:
    """Write the files into `folder`, which exists; answers their paths."""
    files = [folder / name for name in ("results.json", "curves.png", "confusion.png", "worst.jpg")]
    listed, curves, matrix, sheet = files
    listed.write_text(json.dumps(list(results)), encoding="utf-8")
    kind: Kind = "segm" if truth.has_masks else "bbox"
    draw_curves(evaluations[kind], kind).savefig(curves)
    reviews = list(review(truth, results))
    names = [each.name for each in truth.classes]
    draw_confusion(confusion(truth, reviews), names).savefig(matrix)
    draw_worst(truth, worst(reviews, WORST)).savefig(sheet)
    return files
