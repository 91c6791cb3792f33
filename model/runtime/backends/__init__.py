"""The ways to run one network: a backend is one file here, loaded when it is chosen.

n detections in one photograph, S side of a raw mask (28), H × W the bucket.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from model.runtime.manifest import ModelManifest

BackendName = Literal["litert", "saved_model", "tfserving"]
# What each reads of a version folder: how the paths of its files begin.
_SERVED: dict[BackendName, tuple[str, ...]] = {
    "litert": ("model.tflite",),
    "saved_model": ("saved_model.pb", "variables/"),
    "tfserving": (),
}

# (scores (n,), labels (n,)) -> the indices, in order, whose masks are wanted.
Keep = Callable[[NDArray[np.float32], NDArray[np.int32]], NDArray[np.int64]]


@dataclass(frozen=True, slots=True)
class RawDetections:
    """What the network says of one image.

    boxes: (n, 4) float32, x1 y1 x2 y2 in bucket pixels.
    scores: (n,) float32.
    labels: (n,) int32, 1 for the first class of the manifest.
    masks: (n, S, S) float32, probability over the box.
    """

    boxes: NDArray[np.float32]
    scores: NDArray[np.float32]
    labels: NDArray[np.int32]
    masks: NDArray[np.float32]


class Backend(Protocol):
    """Runs the network; safe to call from several threads."""

    def run(
        self, image: NDArray[np.uint8], image_size: tuple[int, int], bucket: str, keep: Keep
    ) -> RawDetections:
        """Detect in `image` (H, W, 3), whose top left `image_size` (h, w) holds the photograph.

        Only the detections that `keep` chooses are answered.
        """


def served_files(name: BackendName, manifest: ModelManifest) -> list[str]:
    """List the files of a version that a backend reads."""
    return [file for file in manifest.files if file.startswith(_SERVED[name])]


def load_backend(
    name: BackendName,
    folder: Path,
    manifest: ModelManifest,
    threads: int | None,
    server: str | None = None,
) -> Backend:
    """Load the network in `folder`; `threads` of None uses every core the process may use.

    `server`: the URL of the TensorFlow Serving server that `tfserving` asks instead.
    Raises ManifestError for a file that is missing or does not hold the network the
    manifest describes, or a URL that is none; DigestMismatch for a file with other bytes.
    """
    match name:
        case "litert":
            from model.runtime.backends.litert import LiteRTBackend

            return LiteRTBackend(folder, manifest, threads)
        case "saved_model":
            from model.runtime.backends.saved_model import SavedModelBackend

            return SavedModelBackend(folder, manifest, threads)
        case "tfserving":
            from model.runtime.backends.tf_serving import TFServingBackend

            return TFServingBackend(server or "", manifest)
