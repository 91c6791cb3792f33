"""The network as one .tflite file, run by LiteRT on the CPU.

Two signatures per bucket, H × W its size, N the most detections (100), K a chunk of them:

    <bucket>        image (1, H, W, 3) uint8, image_size (1, 2) float32
                    -> boxes (N, 4), scores (N,), labels (N,), num_detections (1,), pyramid,
                       known_labels (classes,)
    <bucket>_masks  pyramid, boxes (K, 4), labels (K,) -> masks (K, S, S)

So masks are computed for the detections that are wanted, and for no others.
"""

from __future__ import annotations

from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
from ai_edge_litert.interpreter import Interpreter, SignatureRunner
from numpy.typing import NDArray

from model.runtime.backends import Keep, RawDetections
from model.runtime.errors import ManifestError
from model.runtime.machine import usable_cpus
from model.runtime.manifest import MANIFEST_NAME, ModelManifest

FILE_NAME = "model.tflite"


class LiteRTBackend:
    """One interpreter behind a lock: LiteRT's are not safe to share, but use every core."""

    def __init__(self, folder: Path, manifest: ModelManifest, threads: int | None) -> None:
        manifest.check_files(folder, FILE_NAME)
        path = folder / FILE_NAME
        try:
            interpreter = Interpreter(str(path), num_threads=threads or usable_cpus())
            # XNNPACK packs the weights here, not in the first detection.
            interpreter.allocate_tensors()
        except ValueError as error:
            raise ManifestError(f"{path} is not a LiteRT model: {error}.") from None
        self._runners = {
            name: _runner(interpreter, path, name)
            for bucket in manifest.preprocessing.buckets
            for name in (bucket, _masks_of(bucket))
        }
        for bucket in manifest.preprocessing.buckets:
            _check_classes(self._runners[bucket], path, manifest)
        self._lock = Lock()

    def run(
        self, image: NDArray[np.uint8], image_size: tuple[int, int], bucket: str, keep: Keep
    ) -> RawDetections:
        """Detect, choose, then compute the chosen masks."""
        with self._lock:
            found = self._runners[bucket](
                image=image[np.newaxis], image_size=np.array([image_size], np.float32)
            )
            n = int(found["num_detections"][0])
            kept = keep(found["scores"][:n], found["labels"][:n])
            boxes, labels = found["boxes"][kept], found["labels"][kept]
            masks = self._masks(bucket, found["pyramid"], boxes, labels)
        return RawDetections(boxes=boxes, scores=found["scores"][kept], labels=labels, masks=masks)

    def _masks(
        self,
        bucket: str,
        pyramid: NDArray[Any],
        boxes: NDArray[np.float32],
        labels: NDArray[np.int32],
    ) -> NDArray[np.float32]:
        """Masks (n, S, S) in chunks of the signature's K; the last chunk is filled up."""
        runner = self._runners[_masks_of(bucket)]
        n, chunk = len(boxes), int(runner.get_input_details()["boxes"]["shape"][0])
        side = runner.get_output_details()["masks"]["shape"][-1]
        masks = np.empty((n, side, side), np.float32)
        for start in range(0, n, chunk):
            count = min(chunk, n - start)
            some_boxes, some_labels = np.zeros((chunk, 4), np.float32), np.ones(chunk, np.int32)
            some_boxes[:count] = boxes[start : start + count]
            some_labels[:count] = labels[start : start + count]
            answer = runner(pyramid=pyramid, boxes=some_boxes, labels=some_labels)
            masks[start : start + count] = answer["masks"][:count]
        return masks


def _masks_of(bucket: str) -> str:
    return f"{bucket}_masks"


def _runner(interpreter: Interpreter, path: Path, name: str) -> SignatureRunner:
    try:
        return interpreter.get_signature_runner(name)
    except ValueError:
        known = ", ".join(sorted(interpreter.get_signature_list())) or "none"
        raise ManifestError(f"{path} has no signature {name!r}; it has {known}.") from None


def _check_classes(runner: SignatureRunner, path: Path, manifest: ModelManifest) -> None:
    outputs = runner.get_output_details()
    if "known_labels" not in outputs:
        raise ManifestError(f"{path} has no output known_labels; export the model again.")
    known = int(outputs["known_labels"]["shape"][0])
    if known != len(manifest.classes):
        raise ManifestError(
            f"{path.parent / MANIFEST_NAME} lists {len(manifest.classes)} classes; "
            f"the network in {path.name} knows {known}."
        )
