from itertools import combinations

import numpy as np
import pytest

from handler.masks.label_places import Rectangle, free_place

FRAME = (200, 100)
LABEL = (60, 12)


def overlap(a: Rectangle, b: Rectangle) -> bool:
    return a.left < b.right and b.left < a.right and a.top < b.bottom and b.top < a.bottom


def test_a_label_stands_on_its_box() -> None:
    assert free_place(Rectangle(20, 40, 90, 80), LABEL, FRAME, []) == (20, 28, 80, 40)


@pytest.mark.parametrize("box", [(0, 0, 200, 100), (190, 0, 200, 5), (0, 95, 3, 100)])
def test_a_label_stays_inside_the_frame(box: tuple[int, int, int, int]) -> None:
    place = free_place(Rectangle(*box), LABEL, FRAME, [])

    assert min(place) >= 0
    assert (place.right <= 200, place.bottom <= 100) == (True, True)


def test_labels_of_the_same_box_keep_off_each_other() -> None:
    taken: list[Rectangle] = []
    for _ in range(8):
        taken.append(free_place(Rectangle(20, 10, 180, 90), LABEL, FRAME, taken))

    assert not any(overlap(a, b) for a, b in combinations(taken, 2))


def test_where_there_is_no_room_the_least_is_hidden() -> None:
    frame = (60, 18)
    first = free_place(Rectangle(0, 0, 60, 18), LABEL, frame, [])
    second = free_place(Rectangle(0, 0, 60, 18), LABEL, frame, [first])

    hidden = np.minimum(first.bottom, second.bottom) - np.maximum(first.top, second.top)
    assert hidden == 6
