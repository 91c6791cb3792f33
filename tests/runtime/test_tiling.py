from itertools import pairwise

import numpy as np
import pytest
from painting import BLUE, GREEN, RED, painted

from model.runtime.backends import RawDetections
from model.runtime.detections import Detections
from model.runtime.manifest import ModelManifest
from model.runtime.predictor import Predictor
from model.runtime.tiling import Tile, is_large, lay_tiles, merge, predict_tiled

# The colour model's tiles are 128 px; these two share 32 columns of a 224 × 128 frame.
LEFT, RIGHT = Tile(0, 0, 128, 128), Tile(96, 0, 224, 128)


class ShortSighted:
    """Sees the rectangle of each pure colour, if it measures 6 px or more in the input."""

    def __init__(self):
        self.views = 0

    def run(self, image, image_size, bucket, keep):
        self.views += 1
        found = []
        for label, colour in enumerate((RED, GREEN, BLUE), start=1):
            rows, columns = np.nonzero((image == colour).all(axis=2))
            if len(rows) and min(np.ptp(rows), np.ptp(columns)) >= 5:
                box = (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
                found.append((box, 0.9, label))
        boxes, scores, labels = zip(*found, strict=True) if found else ((), (), ())
        scores, labels = np.array(scores, np.float32), np.array(labels, np.int32)
        kept = keep(scores, labels)
        boxes = np.array(boxes, np.float32).reshape(-1, 4)[kept]
        masks = np.ones((len(kept), 28, 28), np.float32)
        return RawDetections(boxes, scores[kept], labels[kept], masks)


@pytest.fixture
def predictor(colour_model):
    return Predictor(ModelManifest.load(colour_model), ShortSighted())


@pytest.fixture
def merged():
    """Merge persons, each a view, a box and a score, seen in LEFT (1), RIGHT (2) or whole (0)."""

    def run(*seen, max_detections=100, class_ids=None):
        views, boxes, scores = zip(*seen, strict=True)
        count = len(seen)
        found = Detections(
            width=224,
            height=128,
            boxes=np.array(boxes, np.float32),
            scores=np.array(scores, np.float32),
            class_ids=np.array(class_ids or [1] * count),
            class_names=("person",) * count,
            raw_masks=np.zeros((count, 28, 28), np.uint8),
        )
        answer = merge(found, np.array(views), [LEFT, RIGHT], max_detections)
        return [tuple(box) for box in answer.boxes.astype(int).tolist()]

    return run


@pytest.mark.parametrize(
    ("width", "height"), [(640, 480), (129, 128), (1000, 20), (4000, 3000), (16_384, 100)]
)
def test_tiles_cover_every_pixel_and_stay_in_the_frame(width, height):
    covered = np.zeros((height, width), bool)
    tiles = lay_tiles(width, height, 128)
    for tile in tiles:
        assert 0 <= tile.x1 < tile.x2 <= width
        assert 0 <= tile.y1 < tile.y2 <= height
        covered[tile.y1 : tile.y2, tile.x1 : tile.x2] = True
    assert covered.all()
    assert len(tiles) <= 24


def test_neighbours_overlap_by_a_fifth_at_least():
    columns = sorted({(tile.x1, tile.x2) for tile in lay_tiles(500, 128, 128)})
    shared = [left[1] - right[0] for left, right in pairwise(columns)]
    assert min(shared) >= 25
    assert (columns[0], columns[-1]) == ((0, 128), (372, 500))


def test_only_what_is_reduced_by_more_than_a_half_is_large(predictor):
    assert not is_large(predictor, (192, 100))
    assert is_large(predictor, (193, 100))


def test_small_object_is_missed_in_the_whole_and_found_in_a_tile(predictor):
    pixels = painted(530, 360, red=(410, 250, 422, 264))
    assert len(predictor.predict(pixels, (530, 360))) == 0
    found = predict_tiled(predictor, pixels)
    assert (found.width, found.height, found.class_names) == (530, 360, ("person",))
    assert found.boxes.tolist() == [[410, 250, 422, 264]]


@pytest.mark.parametrize("x", range(60, 140, 4))
def test_small_object_is_found_once_and_whole_wherever_borders_cut_it(predictor, x):
    found = predict_tiled(predictor, painted(530, 360, green=(x, 90, x + 16, 110)))
    assert found.boxes.tolist() == [[x, 90, x + 16, 110]]


def test_large_object_is_found_once(predictor):
    found = predict_tiled(predictor, painted(530, 360, red=(40, 40, 500, 320)))
    assert len(found) == 1
    assert found.boxes[0].tolist() == pytest.approx([40, 40, 500, 320], abs=10)


def test_options_reach_every_view(predictor):
    pixels = painted(530, 360, red=(410, 250, 422, 264), blue=(20, 20, 40, 40))
    assert predict_tiled(predictor, pixels, classes={"dog"}).class_names == ("dog",)
    assert len(predict_tiled(predictor, pixels, score_threshold=0.95)) == 0


def test_nothing_found_anywhere_is_an_empty_answer(predictor):
    assert len(predict_tiled(predictor, painted(530, 360))) == 0


def test_part_gives_way_to_its_whole_even_if_it_is_surer(merged):
    whole = (20, 10, 200, 120)
    assert merged((0, whole, 0.6), (1, (20, 10, 128, 120), 0.9)) == [whole]


def test_part_that_no_view_shows_whole_is_kept(merged):
    part = (60, 10, 128, 120)
    assert merged((1, part, 0.9)) == [part]


def test_part_in_the_overlap_is_left_to_the_tile_that_shows_it_whole(merged):
    assert merged((1, (104, 10, 128, 40), 0.9)) == []


def test_best_of_two_views_stays(merged):
    assert merged((1, (100, 10, 120, 40), 0.6), (2, (100, 10, 121, 40), 0.8)) == [
        (100, 10, 121, 40)
    ]


def test_what_one_view_tells_apart_stays_apart(merged):
    adult, child = (10, 10, 60, 100), (30, 50, 50, 100)
    assert merged((0, adult, 0.9), (0, child, 0.8)) == [adult, child]


def test_classes_are_merged_apart(merged):
    box = (10, 10, 60, 100)
    assert merged((0, box, 0.9), (1, box, 0.8), class_ids=[1, 17]) == [box, box]


def test_best_scores_come_first_and_no_more_than_wanted(merged):
    boxes = [(x, 10, x + 10, 20) for x in (10, 30, 50)]
    seen = zip((0, 1, 0), boxes, (0.6, 0.9, 0.8), strict=True)
    assert merged(*seen, max_detections=2) == [boxes[1], boxes[2]]
