from handler.bench.peers import agreement

ONE, OTHER = [0.0, 0.0, 10.0, 10.0], [20.0, 20.0, 40.0, 40.0]


def test_the_same_detections_agree() -> None:
    both = {"boxes": [ONE, OTHER], "labels": [1, 2]}
    assert agreement(both, both) == (1.0, 1.0)


def test_another_class_is_not_the_same() -> None:
    expected, found = ({"boxes": [ONE], "labels": [label]} for label in (1, 2))
    assert agreement(expected, found) == (0.0, 0.0)


def test_a_detection_answers_for_one_alone() -> None:
    expected = {"boxes": [ONE, ONE], "labels": [1, 1]}
    share, iou = agreement(expected, {"boxes": [[0.0, 0.0, 10.0, 8.0]], "labels": [1]})
    assert share == 0.5
    assert abs(iou - 0.8) < 1e-9


def test_nothing_found_where_nothing_is_expected_agrees() -> None:
    nothing = {"boxes": [], "labels": []}
    assert agreement(nothing, {"boxes": [ONE], "labels": [1]}) == (1.0, 1.0)
    assert agreement({"boxes": [ONE], "labels": [1]}, nothing) == (0.0, 0.0)
