import numpy as np
import pytest

from model.runtime.backends import RawDetections
from model.runtime.errors import ManifestError
from model.runtime.manifest import ModelManifest
from model.runtime.predictor import Predictor


class ScriptedBackend:
    """Answers what it was given, and remembers what it was asked."""

    def __init__(self, scores, labels):
        self.scores = np.array(scores, np.float32)
        self.labels = np.array(labels, np.int32)
        self.asked = None

    def run(self, image, image_size, bucket, keep):
        self.asked = (image.shape, image_size, bucket)
        kept = keep(self.scores, self.labels)
        boxes = np.tile(np.array([8, 16, 64, 48], np.float32), (len(kept), 1))
        boxes[:, 0] += kept
        masks = np.full((len(kept), 28, 28), 0.5, np.float32)
        return RawDetections(boxes, self.scores[kept], self.labels[kept], masks)


@pytest.fixture
def predict(colour_model):
    """Answer the detections in a 640 × 320 frame when the network says scores and labels."""
    manifest = ModelManifest.load(colour_model)
    pixels = np.zeros((32, 64, 3), np.uint8)

    def run(scores, labels, **options):
        backend = ScriptedBackend(scores, labels)
        return Predictor(manifest, backend).predict(pixels, (640, 320), **options), backend

    return run


def test_network_sees_the_photograph_in_its_bucket(predict):
    _, backend = predict([], [])
    assert backend.asked == ((96, 128, 3), (64, 128), "landscape")


def test_nothing_found_is_an_empty_answer(predict):
    found, _ = predict([], [])
    assert len(found) == 0
    assert (found.width, found.height, found.raw_masks.shape) == (640, 320, (0, 28, 28))


def test_answer_is_in_frame_pixels_and_manifest_classes(predict):
    found, _ = predict([0.9, 0.8], [3, 1])
    assert found.boxes[0].tolist() == [40, 80, 320, 240]
    assert found.class_ids.tolist() == [18, 1]
    assert found.class_names == ("dog", "person")
    assert (found.raw_masks == 128).all()


def test_only_scores_from_the_threshold_up_are_kept(predict):
    found, _ = predict([0.9, 0.6, 0.59], [1, 1, 1], score_threshold=0.6)
    assert found.scores.tolist() == pytest.approx([0.9, 0.6])


def test_best_scores_come_first(predict):
    found, _ = predict([0.6, 0.9, 0.7], [1, 2, 3], max_detections=2)
    assert found.class_names == ("cat", "dog")
    assert found.boxes[:, 0].tolist() == [45, 50]


def test_only_wanted_classes_are_kept(predict):
    found, _ = predict([0.9, 0.8, 0.7], [1, 2, 1], classes={"person"})
    assert found.class_names == ("person", "person")


def test_hundred_detections_are_answered(predict):
    found, _ = predict(np.linspace(0.99, 0.71, 100), [1] * 100)
    assert len(found) == 100


def test_class_list_shorter_than_the_network_is_refused(predict):
    with pytest.raises(ManifestError, match="lists 3 classes, but the network answers label 4"):
        predict([0.9, 0.1], [1, 4])
