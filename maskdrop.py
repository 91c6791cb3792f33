"""Maskdrop in Python, as docs/python.md shows; `python -m maskdrop` is the command line."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from handler.client.result_folder import write_result
from handler.detection import detector
from handler.photo.inputs import PhotoInput, read_input
from handler.schemas import Manifest, Options
from handler.settings import Settings
from handler.wiring import load_detector


@dataclass(frozen=True, slots=True)
class Instance:
    """One object: `box` is x1, y1, x2, y2 in pixels; `mask` (height, width) bool, whole frame."""

    name: str
    class_id: int
    score: float
    box: tuple[float, float, float, float]
    mask: NDArray[np.bool_]


class Result:
    """What was found in one photograph, best score first; `manifest` is the JSON of it."""

    def __init__(self, result: detector.Result) -> None:
        self._result = result
        self.manifest: Manifest = result.manifest()

    def __len__(self) -> int:
        return len(self.manifest.detections)

    def __iter__(self) -> Iterator[Instance]:
        """Make one mask at a time: a hundred of 12 megapixels would be 1.2 GB at once."""
        size = self._result.detections.width, self._result.detections.height
        for found, mask in zip(self.manifest.detections, self._result.masks(), strict=True):
            frame = mask.frame(*size)
            yield Instance(found.class_name, found.class_id, found.score, found.box, frame)

    def save(self, folder: str | Path) -> Manifest:
        """Write masks, overlay and manifest.json as `maskdrop detect` does; raises OSError."""
        return write_result(self._result, Path(folder))


class Model:
    """A loaded model; it may be shared between threads."""

    def __init__(self, loaded: detector.Detector) -> None:
        self._detector = loaded
        self.classes: tuple[str, ...] = loaded.predictor.class_names

    def detect(self, photo: PhotoInput, **options: Any) -> Result:
        """Detect in a file, its bytes, a Pillow image or an array: see `read_input`.

        options: score_threshold, max_detections, classes, mask_threshold, outputs, tile, edges.
        Raises OSError, ValueError for a wrong option, `handler.errors.MaskdropError`.
        """
        opened, name = read_input(photo, self._detector.limits)
        return Result(self._detector.detect(opened, Options(**options), filename=name))


def load(model: str | Path | None = None, **settings: Any) -> Model:
    """Load a model by name or folder; `settings` win over MASKDROP_'s environment variables."""
    return Model(load_detector(Settings(**settings), str(model) if model else None))


if __name__ == "__main__":
    from handler.commands.main import app

    app(prog_name="maskdrop")
