"""The parts of matterport's arithmetic, each against TensorFlow's own operator."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter

from model.architecture.arithmetic import MatterportArithmetic, _never_flat, to_pixels, to_unit
from model.architecture.crop_and_resize import CropAndResize
from model.architecture.nms import non_max_suppression
from model.architecture.roi_align import Pyramid, RoIAlign, roi_align
from model.config import IMPORTED_PRESETS

SIDE = 256


def pyramid_of(seed: int) -> tuple[Pyramid, list[np.ndarray]]:
    random = np.random.default_rng(seed)
    levels = [
        random.standard_normal((1, SIDE // s, SIDE // s, 3)).astype(np.float32)
        for s in (4, 8, 16, 32)
    ]
    return Pyramid.of_levels([tf.constant(level) for level in levels]), levels


def random_boxes(count: int) -> np.ndarray:
    """x1, y1, x2, y2 in 0..1, of all sizes."""
    random = np.random.default_rng(3)
    first, second = random.random((2, count, 2)).astype(np.float32)
    return np.concatenate([np.minimum(first, second), np.maximum(first, second)], axis=1)


@pytest.mark.parametrize("side", [7, 14])
def test_crops_are_those_of_crop_and_resize(side):
    pyramid, levels = pyramid_of(0)
    boxes = random_boxes(60)
    ours = roi_align(pyramid, tf.constant(boxes), side, CropAndResize((SIDE, SIDE))).numpy()
    chosen = CropAndResize((SIDE, SIDE)).levels(tf.constant(boxes)).numpy()
    assert len(set(chosen)) >= 3
    for box, level, crop in zip(boxes, chosen, ours, strict=True):
        expected = tf.image.crop_and_resize(levels[level], box[None, [1, 0, 3, 2]], [0], [side] * 2)
        np.testing.assert_allclose(crop, expected[0], atol=1e-4, rtol=0)


@pytest.mark.parametrize(
    ("pixels", "level"), [(70, 0), (85, 1), (150, 1), (170, 2), (300, 2), (330, 3), (1000, 3)]
)
def test_the_level_follows_from_the_rounded_logarithm(pixels, level):
    side = pixels / 1024
    box = tf.constant([[0, 0, side, side]], tf.float32)
    assert CropAndResize((1024, 1024)).levels(box).numpy() == [level]
    assert np.clip(2 + round(np.log2(pixels / 224)), 0, 3) == level


def test_pixels_and_the_unit_square_are_inverse():
    boxes = tf.constant([[0.0, 0, 256, 192], [10, 20, 11, 21]])
    unit = to_unit(boxes, (192, 256))
    np.testing.assert_allclose(unit[0], [0, 0, 1, 1])
    np.testing.assert_allclose(to_pixels(unit, (192, 256)), boxes, atol=1e-4)


def test_what_is_around_the_photograph_is_black_less_the_mean():
    arithmetic = MatterportArithmetic(IMPORTED_PRESETS["matterport-r50"])
    image = tf.fill([1, 64, 64, 3], tf.constant(200, tf.uint8))
    found = arithmetic.normalize(image, tf.constant([[30, 64]])).numpy()[0]
    mean = np.array([123.7, 116.8, 103.9], np.float32)
    np.testing.assert_allclose(found[17:47], np.broadcast_to(200 - mean, (30, 64, 3)), atol=1e-4)
    np.testing.assert_allclose(found[[0, 16, 47, 63], 5], np.tile(-mean, (4, 1)), atol=1e-4)


def test_boxes_without_an_area_are_each_kept_once_in_litert_too():
    boxes = np.array([[0, 0, 1, 1], [1, 0, 1, 1], [1, 0, 1, 1], [0.5, 0, 1, 1], [0, 2, 1, 3]])
    scores = np.array([0.9, 0.8, 0.7, 0.6, 0.5], np.float32)

    @tf.function(
        input_signature=[tf.TensorSpec((5, 4), tf.float32), tf.TensorSpec((5,), tf.float32)]
    )
    def keep(boxes: tf.Tensor, scores: tf.Tensor) -> tf.Tensor:
        indices, count = non_max_suppression(
            _never_flat(boxes), scores, iou_threshold=0.3, max_kept=5
        )
        return tf.concat([indices, [count]], axis=0)

    expected = [0, 1, 2, 4]
    found = keep(boxes.astype(np.float32), scores).numpy()
    assert found[: found[-1]].tolist() == expected
    converter = tf.lite.TFLiteConverter.from_concrete_functions([keep.get_concrete_function()])
    interpreter = Interpreter(model_content=converter.convert())
    interpreter.allocate_tensors()
    for detail in interpreter.get_input_details():
        value = boxes if len(detail["shape"]) == 2 else scores
        interpreter.set_tensor(detail["index"], value.astype(np.float32))
    interpreter.invoke()
    found = interpreter.get_tensor(interpreter.get_output_details()[0]["index"])
    assert found[: found[-1]].tolist() == expected


def test_aligned_samples_lie_half_a_cell_before_the_others():
    """A ramp over columns: a bin's mean is its centre, which RoIAlign counts from cell centres."""
    columns = np.tile(np.arange(64, dtype=np.float32)[None, None, :, None], (1, 64, 1, 1))
    levels = [columns[:, :: 2**i, :: 2**i] / 2**i for i in range(4)]
    pyramid = Pyramid.of_levels([tf.constant(level) for level in levels])
    box = tf.constant([[40.0, 40, 72, 72]])
    plain, aligned = (
        roi_align(pyramid, box, 4, RoIAlign(aligned=each)).numpy()[0, 0, :, 0]
        for each in (False, True)
    )
    # Cells 10 to 18 in four bins of two.
    np.testing.assert_allclose(plain, [11, 13, 15, 17], atol=1e-5)
    np.testing.assert_allclose(aligned, [10.5, 12.5, 14.5, 16.5], atol=1e-5)
