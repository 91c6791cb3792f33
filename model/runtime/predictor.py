"""From a photograph's pixels to its instances: preprocess, run the network, map back."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from model.runtime import golden
from model.runtime.backends import Backend, BackendName, Keep, RawDetections, load_backend
from model.runtime.detections import DEFAULT_SCORE_THRESHOLD, MAX_DETECTIONS, Detections
from model.runtime.errors import ManifestError
from model.runtime.manifest import ModelManifest
from model.runtime.preprocess import Placement, fit, place


class Predictor:
    """One loaded model; `predict` may be called from several threads."""

    def __init__(self, manifest: ModelManifest, backend: Backend) -> None:
        self.manifest = manifest
        self._backend = backend

    @classmethod
    def load(
        cls,
        folder: Path,
        backend: BackendName = "litert",
        threads: int | None = None,
        check_golden: bool = False,
        server: str | None = None,
    ) -> Predictor:
        """Load the version in `folder`, holding every file that is read against its digest.

        `server`: where backend `tfserving` finds the network.
        Raises a ModelError: ModelNotFound, ManifestError, DigestMismatch, and
        GoldenMismatch when `check_golden` finds the model answering otherwise than recorded.
        """
        manifest = ModelManifest.load(folder)
        predictor = cls(manifest, load_backend(backend, folder, manifest, threads, server))
        if check_golden:
            golden.check_golden(predictor, folder)
        return predictor

    @property
    def class_names(self) -> tuple[str, ...]:
        """What the model can find, in label order."""
        return tuple(each.name for each in self.manifest.classes)

    def input_size(self, frame_size: tuple[int, int]) -> tuple[int, int]:
        """Width and height to which `predict` scales a photograph of `frame_size`."""
        placement = place(*frame_size, self.manifest.preprocessing)
        return placement.valid_width, placement.valid_height

    def predict(
        self,
        pixels: NDArray[np.uint8],
        frame_size: tuple[int, int],
        *,
        score_threshold: float = DEFAULT_SCORE_THRESHOLD,
        max_detections: int = MAX_DETECTIONS,
        classes: Collection[str] | None = None,
    ) -> Detections:
        """Find instances in an upright photograph.

        pixels: (h, w, 3) RGB, the photograph whole, at full or reduced scale.
        frame_size: its full width and height, in whose pixels the boxes are answered.
        classes: names to look for; None is every class.
        """
        preprocessing = self.manifest.preprocessing
        placement = place(*frame_size, preprocessing)
        raw = self._backend.run(
            image=fit(pixels, placement, preprocessing.pad),
            image_size=(placement.valid_height, placement.valid_width),
            bucket=placement.bucket,
            keep=self._keep(score_threshold, max_detections, classes),
        )
        return self._in_frame(raw, placement, *frame_size)

    def _keep(
        self, score_threshold: float, max_detections: int, classes: Collection[str] | None
    ) -> Keep:
        names = self.class_names if classes is None else classes
        wanted = [label for label, name in enumerate(self.class_names, start=1) if name in names]

        def keep(scores: NDArray[np.float32], labels: NDArray[np.int32]) -> NDArray[np.int64]:
            self._check_labels(labels)
            best_first = np.argsort(-scores, kind="stable")
            passing = (scores >= score_threshold) & np.isin(labels, wanted)
            return best_first[passing[best_first]][:max_detections]

        return keep

    def _check_labels(self, labels: NDArray[np.int32]) -> None:
        count = len(self.manifest.classes)
        if len(labels) and labels.max() > count:
            raise ManifestError(
                f"{self.manifest.name}: the manifest lists {count} classes, "
                f"but the network answers label {labels.max()}."
            )

    def _in_frame(
        self, raw: RawDetections, placement: Placement, width: int, height: int
    ) -> Detections:
        found = [self.manifest.classes[label - 1] for label in raw.labels]
        return Detections(
            width=width,
            height=height,
            boxes=placement.to_frame(raw.boxes, width, height),
            scores=raw.scores,
            class_ids=np.array([each.id for each in found], np.int64),
            class_names=tuple(each.name for each in found),
            raw_masks=np.rint(raw.masks * 255).astype(np.uint8),
        )
