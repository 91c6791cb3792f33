"""What a TensorFlow 2 port of matterport's Mask R-CNN detects with seeded weights -> references/.

    pip install --target T tf_keras scikit-image      # and what it needs
    git clone https://github.com/z-mahmud22/Mask-RCNN_TF2.14.0 P
    export TF_USE_LEGACY_KERAS=1 PYTHONPATH=T:P:.:tests/support
    python tests/model/make_matterport_references.py

The port is run as it is, and nothing of it is kept. Photographs enter unscaled, in the middle of
a square of 256 pixels.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from mrcnn import model as port
from mrcnn.config import Config
from numpy.typing import NDArray
from seeded_imports import preset, seeded_keras
from seeded_weights import IMAGE_SIZES, NUM_CLASSES, seeded_image

REFERENCES = Path(__file__).with_name("references")
SIDE = 256


class Seeded(Config):  # type: ignore[misc]
    """The settings of the presets, in a smaller square."""

    NAME = "seeded"
    IMAGES_PER_GPU = 1
    NUM_CLASSES = NUM_CLASSES
    IMAGE_MIN_DIM = SIDE
    IMAGE_MAX_DIM = SIDE
    MEAN_PIXEL = np.array([123.7, 116.8, 103.9])
    DETECTION_MAX_INSTANCES = 100


def main() -> None:
    for name in ("matterport-r50", "matterport-r101"):
        model = build(name)
        arrays = {}
        for image in IMAGE_SIZES:
            found = detect(model, seeded_image(image))
            arrays |= {f"{image}.{key}": value for key, value in found.items()}
            scores = found["scores"]
            print(name, image, len(scores), len(set(found["labels"])), np.sort(scores)[::8])
        np.savez_compressed(REFERENCES / f"{name}.npz", **arrays)


def build(name: str) -> Any:
    """The port's model with the seeded weights, each assigned by its layer's name."""
    config = Seeded()
    config.BACKBONE = preset(name).backbone
    model = port.MaskRCNN("inference", config, ".")
    state = seeded_keras(preset(name))
    used = set()
    for layer in layers(model.keras_model):
        values = []
        for variable in layer.weights:
            part = variable.name.rpartition("/")[2].partition(":")[0]
            values.append(state[f"{layer.name}/{part}"])
            used.add(f"{layer.name}/{part}")
        if values:
            layer.set_weights(values)
    assert used == set(state), set(state) - used
    return model


def layers(model: Any) -> Any:
    for layer in model.layers:
        yield from layers(layer) if hasattr(layer, "layers") else [layer]


def detect(model: Any, image: NDArray[np.uint8]) -> dict[str, NDArray[np.generic]]:
    """Detections in pixels of the square: boxes (N, 4) x1 y1 x2 y2, masks uint16 of 65535."""
    height, width = image.shape[:2]
    top, left = (SIDE - height) // 2, (SIDE - width) // 2
    square = np.zeros((SIDE, SIDE, 3), np.float32)
    square[top : top + height, left : left + width] = image
    window = (top, left, top + height, left + width)
    meta = port.compose_image_meta(
        0, image.shape, square.shape, window, 1.0, np.zeros(NUM_CLASSES, np.int32)
    )
    anchors = model.get_anchors((SIDE, SIDE, 3))
    molded = port.mold_image(square, model.config)
    outputs = model.keras_model.predict([molded[None], meta[None], anchors[None]], verbose=0)
    detections, masks = outputs[0][0], outputs[3][0]
    count = int(np.argmin(detections[:, 4] > 0)) if (detections[:, 4] == 0).any() else 100
    labels = detections[:count, 4].astype(np.uint8)
    y1, x1, y2, x2 = (detections[:count, :4] * (SIDE - 1) + [0, 0, 1, 1]).T
    return {
        "boxes": np.stack([x1, y1, x2, y2], axis=1).astype(np.float32),
        "scores": detections[:count, 5].astype(np.float32),
        "labels": labels,
        "masks": np.rint(masks[np.arange(count), :, :, labels] * 65535).astype(np.uint16),
    }


if __name__ == "__main__":
    main()
