"""The network as a SavedModel, run by TensorFlow: for GPUs, and as the reference.

Signature `preprocessed`, B images of H × W, N the most detections (100):

    image (B, H, W, 3) uint8, image_size (B, 2) float32
    -> boxes (B, N, 4), scores (B, N), labels (B, N), masks (B, N, S, S), num_detections (B,)
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from model.runtime.backends import Keep, RawDetections
from model.runtime.errors import ManifestError
from model.runtime.manifest import ModelManifest

SIGNATURE = "preprocessed"


class SavedModelBackend:
    """A concrete function of a loaded SavedModel; TensorFlow runs it from any thread."""

    def __init__(self, folder: Path, manifest: ModelManifest, threads: int | None) -> None:
        manifest.check_files(folder, "saved_model.pb", *manifest.files_under("variables/"))
        import tensorflow as tf

        if threads:
            tf.config.threading.set_intra_op_parallelism_threads(threads)
        # The signature holds its variables weakly: the loaded object has to stay.
        self._loaded = tf.saved_model.load(str(folder))
        if SIGNATURE not in self._loaded.signatures:
            raise ManifestError(f"{folder} has no signature {SIGNATURE!r} in its SavedModel.")
        self._signature = self._loaded.signatures[SIGNATURE]
        self._constant = tf.constant

    def run(
        self, image: NDArray[np.uint8], image_size: tuple[int, int], bucket: str, keep: Keep
    ) -> RawDetections:
        """Detect and choose; the signature takes any bucket's shape."""
        found = self._signature(
            image=self._constant(image[np.newaxis]),
            image_size=self._constant([image_size], dtype="float32"),
        )
        n = int(found["num_detections"][0])
        boxes, scores, labels, masks = (
            found[name][0, :n].numpy() for name in ("boxes", "scores", "labels", "masks")
        )
        kept = keep(scores, labels)
        return RawDetections(
            boxes=boxes[kept], scores=scores[kept], labels=labels[kept], masks=masks[kept]
        )
