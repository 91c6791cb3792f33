"""Seeded networks that find things: their last layers fitted to labelled photographs.

A network of random weights scores everything nearly alike, so that rounding to int8 reorders what
it finds: of the detections of a seeded coco-r50 the int8 graph shares none to half. What a trained
network has, and int8 keeps, is a distance between things and background. Random layers have it
too once the last ones are chosen by it: here by ridge regression over what the layers before them
see in a few photographs, in closed form and without a step of training. Things are then found with
scores near 1, but int8 still moves the fitted boxes: 72 to 78 % are shared, and masks by 0.82.

R regions   F features of a region (1024)   B classes, the background included
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray
from PIL import Image

from model.architecture.arithmetic import to_pixels, to_unit
from model.architecture.box_head import DELTA_WEIGHTS
from model.architecture.mask_rcnn import MaskRCNN
from model.architecture.roi_align import Pyramid
from model.runtime.boxes import box_ious
from model.runtime.manifest import Preprocessing
from model.runtime.preprocess import fit as fit_photograph
from model.runtime.preprocess import place

Array = NDArray[Any]
State = dict[str, Array]
_Look = Callable[[Array, Array, Array, Array], dict[str, tf.Tensor]]

# A region is a thing from this overlap on, and background up to the other; between, neither.
_THING, _BACKGROUND = 0.5, 0.4
# Logits of a region's class and of the others; a mask's inside and outside.
_SURE = 6.0
# Of the features' mean square: less follows the photographs closer, and their noise.
_RIDGE = 0.03
_MASK_SIDE = 28
_MOST_THINGS = 8
# Regions beside the proposals, a multiple of the things.
_NEAR = 128


@dataclass(frozen=True)
class Scene:
    """A photograph (h, w, 3) and its things: label, box (4,) in pixels, mask (h, w) bool."""

    pixels: NDArray[np.uint8]
    things: Sequence[tuple[int, NDArray[np.float32], NDArray[np.bool_]]]


@dataclass(frozen=True)
class Heads:
    """The last layers: class scores, deltas (class by class dx, dy, dw, dh), masks; (in, out)."""

    classes: Array
    class_bias: Array
    deltas: Array
    delta_bias: Array
    masks: Array
    mask_bias: Array


def fit_heads(network: MaskRCNN, preprocessing: Preprocessing, scenes: Sequence[Scene]) -> Heads:
    """Fit the last layers of a network to what is in the scenes."""
    look = _looking(network)
    seen = [_Seen(look, preprocessing, scene) for scene in scenes]
    features = np.concatenate([each.features for each in seen])
    labels = np.concatenate([each.labels for each in seen])
    boxes, box_bias = _fit_classes(features, labels, network.num_classes)
    deltas, delta_bias = _fit_deltas(
        features, labels, np.concatenate([each.deltas for each in seen]), network.num_classes
    )
    masks, mask_bias = _fit_masks(
        np.concatenate([each.mask_features for each in seen]),
        np.concatenate([each.mask_targets for each in seen]),
        network.num_classes,
    )
    return Heads(boxes, box_bias, deltas, delta_bias, masks, mask_bias)


class _Seen:
    """What the layers before the last see of a scene, and what the last should say."""

    def __init__(self, look: _Look, preprocessing: Preprocessing, scene: Scene) -> None:
        height, width = scene.pixels.shape[:2]
        placement = place(width, height, preprocessing)
        image = fit_photograph(scene.pixels, placement, preprocessing.pad)
        scale = np.array([placement.valid_width / width, placement.valid_height / height] * 2)
        first = np.array([placement.left, placement.top] * 2)
        things = np.array([box for _, box, _ in scene.things]) * scale + first
        size = np.array([[placement.valid_height, placement.valid_width]], np.int32)
        # As many for every scene, so that one trace of a shape serves them all.
        some = np.resize(things, (_MOST_THINGS, 4)).astype(np.float32)
        looked = look(image[None], size, some, _near(some))
        found = {name: value.numpy() for name, value in looked.items()}
        # What proposes regions is random, and may have few near a thing.
        real = np.concatenate([found["scores"] > 0, np.ones(_NEAR, bool)])
        regions = found["regions"][real]
        self.features = found["features"][real]
        ious = box_ious(regions, things)
        nearest, overlap = ious.argmax(axis=1), ious.max(axis=1)
        names = np.array([label for label, _, _ in scene.things])
        self.labels = np.where(overlap >= _THING, names[nearest], 0)
        self.labels[(overlap < _THING) & (overlap > _BACKGROUND)] = -1
        self.deltas = _encode(things[nearest], regions)
        self.mask_features = found["mask_features"][: len(things)]
        self.mask_targets = np.stack([_crop(mask, box) for _, box, mask in scene.things])


def _looking(network: MaskRCNN) -> _Look:
    """Regions (R, 4) in pixels, their scores and features, and masks' features of the things."""

    def look(
        image: tf.Tensor, size: tf.Tensor, things: tf.Tensor, near: tf.Tensor
    ) -> dict[str, tf.Tensor]:
        input_size = (image.shape[1], image.shape[2])
        levels = network.fpn(network.backbone(network.normalize(image, size)))
        proposals = network.rpn(levels, input_size, size[0])
        pyramid = Pyramid.of_levels(levels[:4])
        in_unit = network.preset.family == "matterport"
        boxes = proposals.boxes
        boxes = tf.concat([boxes, to_unit(near, input_size) if in_unit else near], axis=0)
        x = network.arithmetic.crop(pyramid, boxes, 7, input_size)
        for conv in network.box_head.convs:
            x = conv(x)
        x = tf.reshape(x, [x.shape[0], -1])
        for fc in network.box_head.fcs:
            x = fc(x)
        masks = network.arithmetic.crop_detections(pyramid, things, 14, input_size)
        for conv in network.mask_head.convs:
            masks = conv(masks)
        masks = network.mask_head.upsample(masks)
        return {
            "regions": to_pixels(boxes, input_size) if in_unit else boxes,
            "scores": proposals.scores,
            "features": x,
            "mask_features": tf.nn.depth_to_space(masks, 2),
        }

    compiled: _Look = tf.function(look)
    return compiled


def _near(things: Array) -> Array:
    """Regions that lie on the things (K, 4) more or less: (_NEAR, 4)."""
    random = np.random.RandomState(0)
    around = np.repeat(things, _NEAR // len(things), axis=0)
    sides = np.tile(around[:, 2:] - around[:, :2], 2)
    shift = random.uniform(-0.2, 0.2, around.shape)
    return np.asarray(around + shift * sides, np.float32)


def _encode(things: Array, regions: Array) -> Array:
    """Deltas dx, dy, dw, dh that make regions (R, 4) the things (R, 4)."""
    sides, wanted = (each[:, 2:] - each[:, :2] for each in (regions, things))
    shift = ((things[:, :2] + things[:, 2:]) - (regions[:, :2] + regions[:, 2:])) / 2
    sides = np.maximum(sides, 1)
    return np.concatenate([shift / sides, np.log(wanted / sides)], axis=1) * DELTA_WEIGHTS


def _crop(mask: NDArray[np.bool_], box: Array) -> Array:
    """A mask's part in its box, at the mask head's size, as wanted logits."""
    left, top, right, bottom = map(float, box)
    part = Image.fromarray(mask.astype(np.float32)).resize(
        (_MASK_SIDE, _MASK_SIDE), Image.Resampling.BOX, box=(left, top, right, bottom)
    )
    return (np.asarray(part) * 2 - 1) * _SURE


def _fit_classes(features: Array, labels: Array, count: int) -> tuple[Array, Array]:
    known = labels >= 0
    features, labels = features[known], labels[known]
    wanted = np.zeros((len(labels), count))
    wanted[np.arange(len(labels)), labels] = _SURE
    # Things count as much as background does, however few their regions are.
    share = np.bincount(labels, minlength=count)
    weight, bias = _ridge(features, wanted, 1 / share[labels])
    unseen = share == 0
    weight[:, unseen], bias[unseen] = 0, -_SURE
    return weight, bias


def _fit_deltas(features: Array, labels: Array, deltas: Array, count: int) -> tuple[Array, Array]:
    weight, bias = np.zeros((features.shape[1], count, 4)), np.zeros((count, 4))
    for label in set(labels[labels > 0].tolist()):
        of_label = labels == label
        ones = np.ones(of_label.sum())
        weight[:, label], bias[label] = _ridge(features[of_label], deltas[of_label], ones)
    return weight.reshape(len(weight), -1), bias.reshape(-1)


def _fit_masks(features: Array, wanted: Array, count: int) -> tuple[Array, Array]:
    """One mask for all classes: (K, M, M, C) and (K, M, M) -> (C, B), (B,)."""
    flat = features.reshape(-1, features.shape[-1])
    weight, bias = _ridge(flat, wanted.reshape(-1, 1), np.ones(len(flat)))
    return np.tile(weight, (1, count)), np.tile(bias, count)


def _ridge(features: Array, wanted: Array, shares: Array) -> tuple[Array, Array]:
    """Weights (F, O) and bias (O,) of the least squares, each row counting its share."""
    shares = (shares / shares.sum())[:, None]
    features, wanted = features.astype(np.float64), wanted.astype(np.float64)
    mean, target = (shares * features).sum(axis=0), (shares * wanted).sum(axis=0)
    apart = features - mean
    spread = (shares * apart).T @ apart
    ridge = _RIDGE * np.trace(spread) / len(spread) + 1e-9
    weight = np.linalg.solve(
        spread + ridge * np.eye(len(spread)), (shares * apart).T @ (wanted - target)
    )
    return weight, target - mean @ weight


def with_torchvision_heads(state: State, heads: Heads) -> State:
    """A torchvision checkpoint with fitted heads."""
    predictor = "roi_heads.box_predictor"
    masks = "roi_heads.mask_predictor.mask_fcn_logits"
    return state | _floats(
        {
            f"{predictor}.cls_score.weight": heads.classes.T,
            f"{predictor}.cls_score.bias": heads.class_bias,
            f"{predictor}.bbox_pred.weight": heads.deltas.T,
            f"{predictor}.bbox_pred.bias": heads.delta_bias,
            f"{masks}.weight": heads.masks.T[:, :, None, None],
            f"{masks}.bias": heads.mask_bias,
        }
    )


def with_detectron2_heads(state: State, heads: Heads) -> State:
    """A Detectron2 checkpoint with fitted heads: the background last, or left out."""
    predictor, masks = "roi_heads.box_predictor", "roi_heads.mask_head.predictor"
    return state | _floats(
        {
            f"{predictor}.cls_score.weight": np.roll(heads.classes.T, -1, axis=0),
            f"{predictor}.cls_score.bias": np.roll(heads.class_bias, -1),
            f"{predictor}.bbox_pred.weight": heads.deltas.T[4:],
            f"{predictor}.bbox_pred.bias": heads.delta_bias[4:],
            f"{masks}.weight": heads.masks.T[1:, :, None, None],
            f"{masks}.bias": heads.mask_bias[1:],
        }
    )


def with_matterport_heads(state: State, heads: Heads) -> State:
    """Arrays of a Keras file with fitted heads: y before x.

    Its standard deviations of deltas, 0.1 and 0.2, are one over torchvision's weights.
    """
    deltas, bias = (
        each.reshape(*each.shape[:-1], -1, 4)[..., [1, 0, 3, 2]].reshape(each.shape)
        for each in (heads.deltas, heads.delta_bias)
    )
    return state | _floats(
        {
            "mrcnn_class_logits/kernel": heads.classes,
            "mrcnn_class_logits/bias": heads.class_bias,
            "mrcnn_bbox_fc/kernel": deltas,
            "mrcnn_bbox_fc/bias": bias,
            "mrcnn_mask/kernel": heads.masks[None, None],
            "mrcnn_mask/bias": heads.mask_bias,
        }
    )


def _floats(state: State) -> State:
    return {name: np.ascontiguousarray(each, np.float32) for name, each in state.items()}
