"""The network as a SavedModel, in the layout and with the signatures TF Serving expects.

B: images   H, W: height and width   D: detections (100)   M: side of a mask (28)

    serving_default  image (B, H, W, 3) uint8 RGB, photographs of one size
    encoded          image_bytes (B,) JPEG or PNG, each of its own size
    preprocessed     image (B, H, W, 3) uint8, sides multiples of 32, and image_size (B, 2)
                     float32, the height and width of each one's top left that holds it
    -> boxes (B, D, 4), scores (B, D), labels (B, D), masks (B, D, M, M), num_detections (B,)

Boxes are in pixels of the image that was given. EXIF orientation is not applied.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import tensorflow as tf

from model.architecture.mask_rcnn import MaskRCNN
from model.config import COARSEST_STRIDE

_OUTPUTS = {
    "boxes": tf.float32,
    "scores": tf.float32,
    "labels": tf.int32,
    "num_detections": tf.int32,
    "masks": tf.float32,
}


def write_saved_model(model: MaskRCNN, folder: Path) -> None:
    """Write saved_model.pb and variables/ into `folder`."""
    functions = {
        "serving_default": _photographs(model),
        "encoded": _encoded(model),
        "preprocessed": _preprocessed(model),
    }
    signatures = {name: function.get_concrete_function() for name, function in functions.items()}
    tf.saved_model.save(model, str(folder), signatures=signatures)
    # TensorFlow always makes a folder for vocabularies and the like; there are none.
    (folder / "assets").rmdir()


def _photographs(model: MaskRCNN) -> Any:
    @tf.function(input_signature=[tf.TensorSpec((None, None, None, 3), tf.uint8, "image")])
    def photographs(image: tf.Tensor) -> dict[str, tf.Tensor]:
        return _map(lambda pixels: _predict_photograph(model, pixels), image)

    return photographs


def _encoded(model: MaskRCNN) -> Any:
    # TF Serving decodes base64 for names that end in `_bytes`.
    @tf.function(input_signature=[tf.TensorSpec((None,), tf.string, "image_bytes")])
    def encoded(image_bytes: tf.Tensor) -> dict[str, tf.Tensor]:
        return _map(lambda data: _predict_photograph(model, _decode(data)), image_bytes)

    return encoded


def _preprocessed(model: MaskRCNN) -> Any:
    @tf.function(
        input_signature=[
            tf.TensorSpec((None, None, None, 3), tf.uint8, "image"),
            tf.TensorSpec((None, 2), tf.float32, "image_size"),
        ]
    )
    def preprocessed(image: tf.Tensor, image_size: tf.Tensor) -> dict[str, tf.Tensor]:
        return model.predict(image, tf.cast(image_size, tf.int32))

    return preprocessed


def _map(
    predict: Callable[[tf.Tensor], dict[str, tf.Tensor]], inputs: tf.Tensor
) -> dict[str, tf.Tensor]:
    return tf.map_fn(predict, inputs, fn_output_signature=_OUTPUTS)


def _decode(data: tf.Tensor) -> tf.Tensor:
    pixels = tf.io.decode_image(data, channels=3, expand_animations=False)
    return tf.ensure_shape(pixels, (None, None, 3))


def _predict_photograph(model: MaskRCNN, pixels: tf.Tensor) -> dict[str, tf.Tensor]:
    """Detect in one photograph (H, W, 3) of any size."""
    preset = model.preset
    if preset.resize_mode == "square":
        return _predict_in_square(model, pixels)
    frame = tf.shape(pixels)[:2]
    size = _scaled_size(frame, preset.min_size, preset.max_size)
    scaled = tf.image.resize(pixels, size)
    padded = -(-size // COARSEST_STRIDE) * COARSEST_STRIDE
    image = tf.image.pad_to_bounding_box(scaled, 0, 0, padded[0], padded[1])
    found = {name: rows[0] for name, rows in model.predict(image[None], size[None]).items()}
    scale = tf.cast(frame / size, tf.float32)
    return found | {"boxes": found["boxes"] * tf.gather(scale, [1, 0, 1, 0])}


def _predict_in_square(model: MaskRCNN, pixels: tf.Tensor) -> dict[str, tf.Tensor]:
    """Detect in one photograph (H, W, 3), put into the middle of a black square."""
    preset, side = model.preset, model.preset.max_size
    frame = tf.cast(tf.shape(pixels)[:2], tf.float32)
    scale = tf.maximum(1.0, preset.min_size / tf.reduce_min(frame))
    scale = tf.minimum(scale, side / tf.reduce_max(frame))
    size = tf.maximum(tf.cast(tf.round(frame * scale), tf.int32), 1)
    first = (side - size) // 2
    scaled = tf.image.resize(pixels, size)
    image = tf.image.pad_to_bounding_box(scaled, first[0], first[1], side, side)
    found = {name: rows[0] for name, rows in model.predict(image[None], size[None]).items()}
    factors = tf.gather(frame / tf.cast(size, tf.float32), [1, 0, 1, 0])
    boxes = (found["boxes"] - tf.cast(tf.gather(first, [1, 0, 1, 0]), tf.float32)) * factors
    is_found = tf.range(tf.shape(boxes)[0]) < found["num_detections"]
    return found | {"boxes": tf.where(is_found[:, None], boxes, 0.0)}


def _scaled_size(frame: tf.Tensor, min_size: int, max_size: int) -> tf.Tensor:
    """Scale a height and width (2,) int32 as torchvision's GeneralizedRCNNTransform does."""
    sides = tf.cast(frame, tf.float32)
    scale = tf.minimum(min_size / tf.reduce_min(sides), max_size / tf.reduce_max(sides))
    # The product may miss a whole number by an ulp.
    return tf.maximum(tf.cast(tf.floor(sides * scale + 1e-3), tf.int32), 1)
