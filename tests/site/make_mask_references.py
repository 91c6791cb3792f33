"""Write mask_references.json: what the service makes of raw masks, for the page to equal.

python tests/site/make_mask_references.py
"""

from __future__ import annotations

import json
import zlib
from base64 import b64encode
from pathlib import Path

import numpy as np

from model.runtime.postprocess import paste_alpha, paste_mask
from model.runtime.rle import encode_rle

# Boxes inside, across two edges, of hardly a pixel, of the whole frame; x1 y1 x2 y2.
BOXES = [
    (10.25, 5.5, 60.75, 44.0),
    (0.0, 0.0, 33.3, 21.7),
    (70.1, 31.9, 97.0, 61.0),
    (40.2, 20.4, 40.9, 21.3),
    (0.0, 0.0, 97.0, 61.0),
]
FRAME = {"width": 97, "height": 61}
THRESHOLDS = [0.1, 0.5, 0.75]
Box = tuple[float, float, float, float]
# Side of the mask, box, threshold.
ALPHAS = [(56, BOXES[0], 0.5), (112, BOXES[2], 0.05), (224, BOXES[4], 0.9), (28, BOXES[1], 0.3)]


def blob(random: np.random.Generator, side: int = 28) -> np.ndarray:
    """A mask as networks make them: smooth, with steep and flat parts."""
    y, x = np.mgrid[:side, :side] * (28 / side)
    centre, radius = random.uniform(9, 18, 2), random.uniform(6, 14)
    waves = np.sin(x * random.uniform(0.2, 1)) + np.cos(y * random.uniform(0.2, 1))
    distance = radius - np.hypot(x - centre[0], y - centre[1]) + waves
    return np.round(255 / (1 + np.exp(-distance))).astype(np.uint8)


def main() -> None:
    random = np.random.default_rng(4)
    cases = []
    for box in BOXES:
        raw = blob(random)
        for threshold in THRESHOLDS:
            mask = paste_mask(raw, np.float32(box), **FRAME, threshold=threshold)
            cases.append(
                {
                    "frame": FRAME,
                    "box": box,
                    "threshold": threshold,
                    "raw_mask": b64encode(raw.tobytes()).decode(),
                    "area": mask.area,
                    "rle": encode_rle(mask, **FRAME),
                }
            )
    write("mask_references.json", cases)
    write("alpha_references.json", [alpha_case(random, *each) for each in ALPHAS])


def alpha_case(random: np.random.Generator, side: int, box: Box, threshold: float) -> dict:
    """A refined mask, as the manifest carries it, and its opacity."""
    mask = blob(random, side)
    alpha = paste_alpha(mask, np.float32(box), **FRAME, threshold=threshold)
    return {
        "frame": FRAME,
        "box": box,
        "threshold": threshold,
        "refined_mask": b64encode(zlib.compress(mask.tobytes(), 9)).decode(),
        "place": [alpha.x, alpha.y, *alpha.pixels.shape[::-1]],
        "alpha": b64encode(zlib.compress(alpha.pixels.tobytes(), 9)).decode(),
        "rle": encode_rle(paste_mask(mask, np.float32(box), **FRAME, threshold=threshold), **FRAME),
    }


def write(name: str, cases: list[dict]) -> None:
    Path(__file__).with_name(name).write_text(json.dumps(cases, indent=1) + "\n")


if __name__ == "__main__":
    main()
