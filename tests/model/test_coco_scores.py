from __future__ import annotations

import json
from pathlib import Path

import pytest

from model.evaluation.coco import score

CAT, DOG = 17, 18
BOX = [10.0, 10.0, 40.0, 40.0]
ELSEWHERE = [60.0, 60.0, 30.0, 30.0]


def annotations(folder: Path, labeled: object) -> Path:
    """One photograph of 100 × 100 with one labelled cat."""
    x, y, w, h = BOX
    polygon = [x, y, x + w, y, x + w, y + h, x, y + h]
    cat = {"id": 1, "image_id": 1, "category_id": CAT, "iscrowd": 0, "area": w * h}
    cat |= {"bbox": BOX, "segmentation": [polygon]}
    image = {"id": 1, "width": 100, "height": 100, "labeled_category_ids": labeled}
    names = [{"id": CAT, "name": "cat"}, {"id": DOG, "name": "dog"}]
    path = folder / "truth.json"
    path.write_text(json.dumps({"images": [image], "annotations": [cat], "categories": names}))
    return path


def result(category: int, box: list[float], confidence: float) -> dict[str, object]:
    return {"image_id": 1, "category_id": category, "bbox": box, "score": confidence}


def test_perfect_detection_scores_one(tmp_path: Path):
    scores = score(annotations(tmp_path, "all80"), [result(CAT, BOX, 0.9)], [CAT, DOG], "bbox")

    assert scores.ap == pytest.approx(1)
    assert [each.objects for each in scores.classes] == [1, 0]


@pytest.mark.parametrize(
    ("labeled", "expected"), [("all80", 0.5), ([CAT], 0.5), ([], 1.0), ([DOG], 1.0)]
)
def test_unmatched_detection_is_wrong_only_where_its_class_is_labelled(
    tmp_path: Path, labeled: object, expected: float
):
    results = [result(CAT, ELSEWHERE, 0.95), result(CAT, BOX, 0.9)]

    scores = score(annotations(tmp_path, labeled), results, [CAT], "bbox")

    assert scores.ap50 == pytest.approx(expected, abs=0.01)


def test_no_detection_scores_zero(tmp_path: Path):
    assert score(annotations(tmp_path, "all80"), [], [CAT], "bbox").ap == 0
