"""Our networks of other projects' models on the photographs of their references, compared."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray
from seeded_imports import preset, seeded_detectron2, seeded_keras
from seeded_weights import IMAGE_SIZES, seeded_image

from model.architecture.mask_rcnn import MaskRCNN
from model.weights.detectron2 import fold_detectron2
from model.weights.matterport import fold_matterport

REFERENCES = Path(__file__).parents[1] / "model/references"
SIDE = 256

Found = dict[str, NDArray[Any]]
Network = Callable[..., dict[str, tf.Tensor]]


def build(name: str) -> Network:
    """The network of a preset with seeded weights, as a function of photographs and sizes."""
    if name.startswith("matterport"):
        weights, count, settings = fold_matterport(seeded_keras(preset(name)), preset(name))
    else:
        state = seeded_detectron2(preset(name))
        weights, count, settings = fold_detectron2(state, preset(name), "BGR", lambda _: None)
    network = MaskRCNN(settings, count, weights)
    sizes = [tf.TensorSpec([None, None, None, 3], tf.uint8), tf.TensorSpec([None, 2], tf.int32)]
    function: Network = tf.function(network.predict, input_signature=sizes)
    return function


def detected(network: Network, name: str, image: str) -> Found:
    """Detections of a photograph on a canvas, whose grey is no zero."""
    pixels = seeded_image(image)
    height, width = pixels.shape[:2]
    if name.startswith("matterport"):
        canvas = np.full((SIDE, SIDE, 3), 99, np.uint8)
        top, left = (SIDE - height) // 2, (SIDE - width) // 2
    else:
        canvas = np.full((height + -height % 32, width + -width % 32, 3), 99, np.uint8)
        top = left = 0
    canvas[top : top + height, left : left + width] = pixels
    tensors = network(canvas[None], np.array([[height, width]], np.int32))
    found = {key: value[0].numpy() for key, value in tensors.items()}
    count = found["num_detections"]
    return {key: found[key][:count] for key in ("boxes", "scores", "labels", "masks")}


def counterparts(found: Found, expected: Mapping[str, Any]) -> Iterator[tuple[int, int]]:
    """Yield pairs of indices, expected and found, of the same class whose boxes agree."""
    for index, (label, box) in enumerate(zip(expected["labels"], expected["boxes"], strict=True)):
        apart = np.abs(found["boxes"] - box).max(axis=1) + 1e6 * (found["labels"] != label)
        if apart.min() < 0.05:
            yield index, int(apart.argmin())


def hold_against_reference(network: Network, name: str, mask_tolerance: float = 1e-3) -> int:
    """Assert that scores and masks agree where boxes do -> how many boxes have no counterpart."""
    arrays = np.load(REFERENCES / f"{name}.npz")
    missed = extra = 0
    for image in IMAGE_SIZES:
        found = detected(network, name, image)
        expected = {key: arrays[f"{image}.{key}"] for key in found}
        assert len(set(expected["labels"])) >= 3
        pairs = list(counterparts(found, expected))
        assert len(pairs) >= 10
        missed += len(expected["labels"]) - len(pairs)
        extra += len(found["labels"]) - len(pairs)
        theirs, ours = map(list, zip(*pairs, strict=True))
        np.testing.assert_allclose(
            found["scores"][ours], expected["scores"][theirs], atol=1e-4, rtol=0
        )
        np.testing.assert_allclose(
            found["masks"][ours], expected["masks"][theirs] / 65535, atol=mask_tolerance, rtol=0
        )
    return max(missed, extra)
