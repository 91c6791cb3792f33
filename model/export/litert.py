"""The network as one .tflite: builtin operators, static shapes, weights stored once.

H, W: a bucket's height and width   P, C: positions and channels of its pyramid
D: detections (100)   K: boxes per call of the mask head   M: side of a mask (28)

    <bucket>        image (1, H, W, 3) uint8, image_size (1, 2) float32
                    -> boxes (D, 4), scores (D,), labels (D,), num_detections (1,), pyramid (P, C),
                       known_labels (classes,)
    <bucket>_masks  pyramid (P, C), boxes (K, 4), labels (K,) -> masks (K, M, M)
"""

from __future__ import annotations

import hashlib
import tempfile

import numpy as np
import tensorflow as tf

from model.architecture.layers import Size
from model.architecture.mask_rcnn import MaskRCNN
from model.export.tflite_objects import read_tflite, write_tflite

# A call costs 0.2 ms and 0.5 ms for each box, asked for or not (edge, int8, one thread), and
# most photographs show one to four instances.
MASKS_PER_CALL = 4


def to_litert(model: MaskRCNN, masks_per_call: int = MASKS_PER_CALL) -> bytes:
    """Convert the network, in float32, with two signatures for each of its preset's buckets."""
    signatures: dict[str, tf.types.experimental.ConcreteFunction] = {}
    for bucket, size in model.preset.buckets.items():
        detect = detection_function(model, size)
        pyramid = detect.structured_outputs["pyramid"]
        signatures[bucket] = detect
        signatures[masks_signature(bucket)] = masks_function(
            model, size, pyramid.shape, masks_per_call
        )
    # Of the converter's inputs only a SavedModel takes several signatures.
    with tempfile.TemporaryDirectory() as folder:
        tf.saved_model.save(model, folder, signatures=signatures)
        converter = tf.lite.TFLiteConverter.from_saved_model(
            folder, signature_keys=list(signatures)
        )
        return _with_shared_buffers(_converted(converter))


def _converted(converter: tf.lite.TFLiteConverter) -> bytes:
    """Convert without what TensorFlow does to the finished file in Python.

    It turns the file into objects three times and back twice, to share equal buffers and to
    note the converter's version: half of the time that a ResNet-50 takes to convert.
    """
    converter.exclude_conversion_metadata = True
    converter._optimize_tflite_model = lambda converted, *_, **__: converted
    result: bytes = converter.convert()
    return result


def _with_shared_buffers(float_model: bytes) -> bytes:
    """Store equal constants once: every signature has come with weights of its own."""
    model = read_tflite(float_model)
    first: dict[bytes, int] = {}
    for graph in model.subgraphs:
        for tensor in graph.tensors:
            data = model.buffers[tensor.buffer].data
            if data is not None and len(data):
                digest = hashlib.sha256(np.ascontiguousarray(data).data).digest()
                tensor.buffer = first.setdefault(digest, tensor.buffer)
    kept = {tensor.buffer for graph in model.subgraphs for tensor in graph.tensors}
    kept |= {entry.buffer for entry in model.metadata or []}
    for index, buffer in enumerate(model.buffers):
        if index not in kept:
            buffer.data = None
    return write_tflite(model)


def masks_signature(bucket: str) -> str:
    """Name the signature that computes masks for detections in `bucket`."""
    return f"{bucket}_masks"


def detection_function(model: MaskRCNN, size: Size) -> tf.types.experimental.ConcreteFunction:
    """Trace the signature that detects in a bucket of `size`, height and width."""

    @tf.function(
        input_signature=[
            tf.TensorSpec((1, *size, 3), tf.uint8, "image"),
            tf.TensorSpec((1, 2), tf.float32, "image_size"),
        ]
    )
    def detect(image: tf.Tensor, image_size: tf.Tensor) -> dict[str, tf.Tensor]:
        sizes = tf.cast(image_size, tf.int32)
        found = model.detect(model.normalize(image, sizes), sizes)
        return found._asdict() | {
            "num_detections": tf.reshape(found.num_detections, [1]),
            # A constant, by which a manifest's class list is held against the network.
            "known_labels": tf.range(1, model.num_classes),
        }

    return detect.get_concrete_function()


def masks_function(
    model: MaskRCNN, size: Size, pyramid_shape: tf.TensorShape, count: int
) -> tf.types.experimental.ConcreteFunction:
    """Trace the signature that computes the masks of `count` boxes."""

    @tf.function(
        input_signature=[
            tf.TensorSpec(pyramid_shape, tf.float32, "pyramid"),
            tf.TensorSpec((count, 4), tf.float32, "boxes"),
            tf.TensorSpec((count,), tf.int32, "labels"),
        ]
    )
    def masks(pyramid: tf.Tensor, boxes: tf.Tensor, labels: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"masks": model.masks(pyramid, size, boxes, labels)}

    return masks.get_concrete_function()
