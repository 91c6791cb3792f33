"""The golden image: proof at load time that a model still answers as it was exported.

It catches what digests cannot: another interpreter, another processor, another library.
"""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from model.runtime.boxes import box_ious
from model.runtime.detections import Detections
from model.runtime.errors import GoldenMismatch, ManifestError
from model.runtime.manifest import MANIFEST_NAME, GoldenDetection, ModelManifest

SCORE_THRESHOLD = 0.5
# int8 kernels round differently between processors; these are far above that.
SCORE_TOLERANCE = 0.1
MIN_IOU = 0.9


class Detecting(Protocol):
    """A loaded model: a `Predictor`."""

    @property
    def manifest(self) -> ModelManifest:
        """What it is."""

    def predict(
        self,
        pixels: NDArray[np.uint8],
        frame_size: tuple[int, int],
        *,
        score_threshold: float,
    ) -> Detections:
        """Find instances."""


def observe_golden(
    predictor: Detecting, image: Path, score_threshold: float = SCORE_THRESHOLD
) -> tuple[GoldenDetection, ...]:
    """Detect in the file `image`, in the form a manifest records."""
    with Image.open(image) as opened:
        pixels = np.asarray(opened.convert("RGB"))
    height, width = pixels.shape[:2]
    found = predictor.predict(pixels, (width, height), score_threshold=score_threshold)
    return tuple(
        GoldenDetection(
            class_id=int(found.class_ids[i]),
            class_name=found.class_names[i],
            score=round(float(found.scores[i]), 4),
            box=_rounded(found.boxes[i].tolist()),
        )
        for i in range(len(found))
    )


def check_golden(predictor: Detecting, folder: Path) -> None:
    """Raise GoldenMismatch unless the golden image is detected as the manifest records.

    Every recorded instance must be found (same class, IoU at least 0.9, score within
    0.1), and no other with a score that is clearly (0.1) above the threshold.
    """
    manifest = predictor.manifest
    if manifest.golden is None:
        raise ManifestError(f"{folder / MANIFEST_NAME} records no golden image to check.")
    manifest.check_files(folder, manifest.golden.image)
    path = folder / manifest.golden.image
    found = list(observe_golden(predictor, path, SCORE_THRESHOLD - SCORE_TOLERANCE))
    for expected in manifest.golden.detections:
        match = next((each for each in found if _same(expected, each)), None)
        if match is None:
            raise GoldenMismatch(f"{path}: {_words(expected)} is recorded but not found.")
        found.remove(match)
    for extra in found:
        if extra.score > SCORE_THRESHOLD + SCORE_TOLERANCE:
            raise GoldenMismatch(f"{path}: {_words(extra)} is found but not recorded.")


def _same(expected: GoldenDetection, found: GoldenDetection) -> bool:
    return bool(
        expected.class_id == found.class_id
        and abs(expected.score - found.score) <= SCORE_TOLERANCE
        and box_ious(np.array([expected.box]), np.array([found.box]))[0, 0] >= MIN_IOU
    )


def _rounded(box: list[float]) -> tuple[float, float, float, float]:
    x1, y1, x2, y2 = (round(side, 2) for side in box)
    return x1, y1, x2, y2


def _words(detection: GoldenDetection) -> str:
    box = ", ".join(f"{side:.0f}" for side in detection.box)
    return f"{detection.class_name} (score {detection.score:.2f}, box {box})"
