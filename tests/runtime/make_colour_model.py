"""Make `colour_model/1/`: a network of a few kilobytes with the real one's signatures.

It finds at most one red, one green and one blue thing (person 0.9, cat 0.8, dog 0.7), so a
test can say what must be found by painting it. Run where TensorFlow is installed:

    python tests/runtime/make_colour_model.py
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import tensorflow as tf
from PIL import Image, ImageDraw

from model.runtime.golden import observe_golden
from model.runtime.manifest import (
    FileRecord,
    Golden,
    ModelClass,
    ModelManifest,
    Preprocessing,
)
from model.runtime.predictor import Predictor

BUCKETS = {"landscape": (96, 128), "portrait": (128, 96), "square": (128, 128)}
SCORES = (0.9, 0.8, 0.7)
SIDE = 28
CHUNK = 2


def detect(image, image_size):
    """One image (1, H, W, 3) -> what a bucket's signature answers, for at most three things."""
    pixels = tf.cast(image[0], tf.float32)
    others = tf.reduce_sum(pixels, -1, keepdims=True) - pixels
    height, width = image.shape[1:3]
    y = tf.range(height, dtype=tf.float32)[:, None, None]
    x = tf.range(width, dtype=tf.float32)[None, :, None]
    inside = (y < image_size[0, 0]) & (x < image_size[0, 1])
    coloured = (pixels > 150) & (others < 150) & inside
    far = 1e4
    x1, y1 = (tf.reduce_min(tf.where(coloured, at, far), [0, 1]) for at in (x, y))
    x2, y2 = (tf.reduce_max(tf.where(coloured, at + 1, 0.0), [0, 1]) for at in (x, y))
    present = x2 > x1
    scores, order = tf.math.top_k(tf.where(present, tf.constant(SCORES), 0.0), 3)
    boxes = tf.gather(tf.stack([x1, y1, x2, y2], -1), order)
    count = tf.reduce_sum(tf.cast(present, tf.int32))
    return {
        "boxes": boxes,
        "scores": scores,
        "labels": order + 1,
        "known_labels": tf.range(1, 4),
        "num_detections": count[None],
        "pyramid": tf.transpose(tf.cast(coloured, tf.float32), [2, 0, 1]),
    }


def masks(pyramid, boxes, labels):
    """Look up `pyramid` (3, H, W) at SIDE × SIDE points of every box (K, 4): (K, SIDE, SIDE)."""
    centres = (tf.range(SIDE, dtype=tf.float32) + 0.5) / SIDE

    def points(low, high, limit):
        at = low[:, None] + centres * (high - low)[:, None]
        return tf.clip_by_value(tf.cast(at, tf.int32), 0, limit - 1)

    shape = (boxes.shape[0], SIDE, SIDE)
    x = tf.broadcast_to(points(boxes[:, 0], boxes[:, 2], pyramid.shape[2])[:, None, :], shape)
    y = tf.broadcast_to(points(boxes[:, 1], boxes[:, 3], pyramid.shape[1])[:, :, None], shape)
    label = tf.broadcast_to((labels - 1)[:, None, None], shape)
    return tf.gather_nd(pyramid, tf.stack([label, y, x], -1))


def signatures() -> dict:
    """Trace both stages for every bucket."""
    made = {}
    for name, (height, width) in BUCKETS.items():
        made[name] = tf.function(detect).get_concrete_function(
            image=tf.TensorSpec((1, height, width, 3), tf.uint8),
            image_size=tf.TensorSpec((1, 2), tf.float32),
        )
        made[f"{name}_masks"] = tf.function(
            lambda pyramid, boxes, labels: {"masks": masks(pyramid, boxes, labels)}
        ).get_concrete_function(
            pyramid=tf.TensorSpec((3, height, width), tf.float32),
            boxes=tf.TensorSpec((CHUNK, 4), tf.float32),
            labels=tf.TensorSpec((CHUNK,), tf.int32),
        )
    return made


def save_saved_model(folder: Path) -> None:
    """Write the SavedModel, with the landscape bucket's shape."""
    height, width = BUCKETS["landscape"]

    def preprocessed(image, image_size):
        found = detect(image, image_size)
        found["masks"] = masks(found.pop("pyramid"), found["boxes"], found["labels"])
        count = found.pop("num_detections")
        return {"num_detections": count} | {name: value[None] for name, value in found.items()}

    signature = tf.function(preprocessed).get_concrete_function(
        image=tf.TensorSpec((1, height, width, 3), tf.uint8, name="image"),
        image_size=tf.TensorSpec((1, 2), tf.float32, name="image_size"),
    )
    tf.saved_model.save(tf.Module(), str(folder), signatures={"preprocessed": signature})


def tflite() -> bytes:
    """Convert every signature into one file."""
    with tempfile.TemporaryDirectory() as folder:
        made = signatures()
        tf.saved_model.save(tf.Module(), folder, signatures=made)
        return tf.lite.TFLiteConverter.from_saved_model(folder, signature_keys=list(made)).convert()


def golden_image() -> Image.Image:
    """Paint a red rectangle and a green disc on grey."""
    image = Image.new("RGB", (128, 96), (90, 90, 90))
    draw = ImageDraw.Draw(image)
    draw.rectangle((10, 20, 49, 79), fill=(220, 30, 30))
    draw.ellipse((70, 30, 119, 79), fill=(30, 220, 30))
    return image


def manifest(folder: Path, golden: Golden) -> ModelManifest:
    """Describe the files in `folder`."""
    files = ("model.tflite", "golden.png")
    return ModelManifest(
        name="colour",
        version=1,
        preset="none",
        classes=(ModelClass(1, "person"), ModelClass(17, "cat"), ModelClass(18, "dog")),
        preprocessing=Preprocessing(
            mean=(127.0, 127.0, 127.0),
            std=(128.0, 128.0, 128.0),
            min_size=128,
            max_size=128,
            buckets=BUCKETS,
            pad=(127, 127, 127),
        ),
        files={name: FileRecord.of(folder / name) for name in files},
        source="tests/runtime/make_colour_model.py",
        licence="Apache-2.0",
        created="2026-11-22",
        golden=golden,
    )


def main(folder: Path) -> None:
    """Write the version folder."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "model.tflite").write_bytes(tflite())
    golden_image().save(folder / "golden.png")
    manifest(folder, Golden("golden.png", ())).save(folder)
    seen = observe_golden(Predictor.load(folder), folder / "golden.png")
    manifest(folder, Golden("golden.png", seen)).save(folder)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "folder", type=Path, nargs="?", default=Path(__file__).parent / "colour_model/1"
    )
    main(parser.parse_args().folder)
