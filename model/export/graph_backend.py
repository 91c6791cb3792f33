"""The network itself, before any file is made of it: what the artifacts are held against."""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from model.architecture.mask_rcnn import MaskRCNN
from model.export.litert import MASKS_PER_CALL, detection_function, masks_function
from model.runtime.backends import Keep, RawDetections


class GraphBackend:
    """Traces a bucket's functions when a photograph first needs them, and lets TensorFlow run them.

    It computes what the .tflite computes, by TensorFlow's kernels in place of LiteRT's.
    """

    def __init__(self, model: MaskRCNN) -> None:
        self._model = model
        self._functions: dict[str, tuple[Any, Any]] = {}

    def run(
        self, image: NDArray[np.uint8], image_size: tuple[int, int], bucket: str, keep: Keep
    ) -> RawDetections:
        """Detect, choose, then compute the chosen masks."""
        detect, masks = self._traced(bucket)
        found = detect(
            image=tf.constant(image[np.newaxis]), image_size=tf.constant([image_size], tf.float32)
        )
        n = int(found["num_detections"][0])
        boxes, scores, labels = (found[name][:n].numpy() for name in ("boxes", "scores", "labels"))
        kept = keep(scores, labels)
        boxes, scores, labels = boxes[kept], scores[kept], labels[kept]
        side = masks.structured_outputs["masks"].shape[-1]
        computed = np.empty((len(boxes), side, side), np.float32)
        for start in range(0, len(boxes), MASKS_PER_CALL):
            some = slice(start, start + MASKS_PER_CALL)
            count = len(boxes[some])
            answer = masks(
                pyramid=found["pyramid"],
                boxes=tf.constant(np.resize(boxes[some], (MASKS_PER_CALL, 4))),
                labels=tf.constant(np.resize(labels[some], MASKS_PER_CALL)),
            )
            computed[some] = answer["masks"][:count].numpy()
        return RawDetections(boxes=boxes, scores=scores, labels=labels, masks=computed)

    def _traced(self, bucket: str) -> tuple[Any, Any]:
        if bucket not in self._functions:
            size = self._model.preset.buckets[bucket]
            detect = detection_function(self._model, size)
            pyramid = detect.structured_outputs["pyramid"]
            masks = masks_function(self._model, size, pyramid.shape, MASKS_PER_CALL)
            self._functions[bucket] = detect, masks
        return self._functions[bucket]
