"""Weights and photographs by formula, the same for torchvision and for us.

RandomState, because NumPy has frozen its stream: the committed references stay
valid whatever NumPy does next.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from model.config import Preset
from model.weights.torchvision import expected_shapes

# Background, and six more.
NUM_CLASSES = 7
# Height and width: landscape, portrait with padding on both axes, square.
IMAGE_SIZES = {"landscape": (192, 256), "portrait": (250, 150), "square": (224, 224)}


@dataclass(frozen=True)
class _Recipe:
    """Spreads of the output layers, chosen so that 20 to 60 boxes of several classes are
    found, with scores far enough apart to have one order.

    `background` is the background's lead over the classes; without one, a hundred boxes
    score nearly 1.
    """

    objectness: float
    proposal_deltas: float
    classes: float
    background: float
    masks: float


_RECIPES = {
    "edge": _Recipe(4.0, 2.0, classes=27.9, background=1.2, masks=10.0),
    "coco-r50": _Recipe(1.0, 0.1, classes=0.6, background=9.8, masks=0.5),
    "coco-r50-v2": _Recipe(1.0, 0.1, classes=1.03, background=8.3, masks=0.5),
}


def seeded_state_dict(preset: Preset) -> dict[str, NDArray[np.float32]]:
    """A checkpoint of the preset under torchvision's names."""
    shapes = expected_shapes(preset, NUM_CLASSES)
    state = {name: fill(name, shape) for name, shape in shapes.items()}
    recipe = _RECIPES[preset.name]
    state["rpn.head.cls_logits.weight"] *= recipe.objectness
    state["rpn.head.bbox_pred.weight"] *= recipe.proposal_deltas
    state["roi_heads.box_predictor.cls_score.weight"] *= recipe.classes
    state["roi_heads.mask_predictor.mask_fcn_logits.weight"] *= recipe.masks
    state["roi_heads.box_predictor.cls_score.bias"][0] += recipe.background
    return state


def seeded_image(name: str) -> NDArray[np.uint8]:
    """(H, W, 3): blocks of colour from 4 to 32 pixels wide, like things of many sizes."""
    height, width = IMAGE_SIZES[name]
    random = _random(name)
    image = np.zeros((height, width, 3))
    for block in (4, 8, 16, 32):
        colors = random.standard_normal((height // block + 1, width // block + 1, 3))
        image += np.kron(colors, np.ones((block, block, 1)))[:height, :width]
    return np.clip(128 + 40 * image, 0, 255).astype(np.uint8)


def fill(name: str, shape: tuple[int, ...]) -> NDArray[np.float32]:
    """A parameter by its name: what it is, and the seed, follow from that."""
    normal = _random(name).standard_normal(shape)
    layer, parameter = name.rsplit(".", 1)
    if len(shape) > 1:
        # He's scale keeps activations alive through fifty layers. Filters sum to zero:
        # what all positions have in common would otherwise drown what tells them apart.
        axes = tuple(range(1, len(shape)))
        normal -= normal.mean(axis=axes, keepdims=True)
        values = normal * np.sqrt(2 / np.prod(shape[1:]))
    elif parameter == "running_var":
        values = 1 + 0.2 * np.tanh(normal)
    elif parameter == "weight":
        # What a residual block adds to its input, sixteen times over, must be small.
        values = (0.3 if layer.endswith(("bn3", "_bn2")) else 1.0) + 0.05 * normal
    else:
        values = 0.1 * normal
    return np.asarray(values, np.float32)


def _random(name: str) -> np.random.RandomState:
    return np.random.RandomState(zlib.crc32(name.encode()))
