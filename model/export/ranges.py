"""The range of every tensor that int8 needs, measured on photographs.

A photograph is run in the bucket that it fits best. The three buckets are one network at
three sizes: their int8 operators are the same in number, kind and order, so a range that is
measured in one is the range of the others too. A photograph in all three took three times
as long and measured the same layers three times.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, redirect_stderr
from io import StringIO
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from ai_edge_quantizer.calibrator import CalibrationMode, Calibrator
from ai_edge_quantizer.recipe_manager import RecipeManager
from numpy.typing import NDArray

from model.export.endpoints import Endpoint
from model.export.int8_scopes import int8_operators
from model.export.litert import masks_signature
from model.export.tflite_objects import read_tflite
from model.runtime.errors import ExportError
from model.runtime.machine import usable_cpus
from model.runtime.manifest import Preprocessing
from model.runtime.preprocess import fit, place

# "<part>/<n>/<side><k>" -> smallest and largest value: the k-th input or output of the n-th
# int8 operator of the signatures that detect ("detect") or compute masks ("masks").
Ranges = dict[str, tuple[float, float]]

_DETECT, _MASKS = "detect", "masks"


class RangeMeter:
    """Runs the float .tflite on one photograph after the other."""

    def __init__(self, float_model: bytes, preprocessing: Preprocessing) -> None:
        self._preprocessing = preprocessing
        self._model = read_tflite(float_model)
        # This mode takes ranges while the interpreter runs. The default keeps every tensor of
        # every signature instead: above 20 GB for ResNet-50 at 800×1088.
        mode = CalibrationMode.CALIBRATION_PROFILER_BASED
        with quietly():
            self._calibrator = Calibrator(float_model, usable_cpus(), mode)

    def measure(self, pixels: NDArray[np.uint8]) -> Ranges:
        """Return the ranges of one photograph (h, w, 3) RGB of any size.

        The mask head sees the boxes of the best detections, at most MASKS_PER_CALL.
        """
        height, width = pixels.shape[:2]
        placement = place(width, height, self._preprocessing)
        bucket, masks = placement.bucket, masks_signature(placement.bucket)
        image = fit(pixels, placement, self._preprocessing.pad)
        size = np.array([[placement.valid_height, placement.valid_width]], np.float32)
        found = self._run(bucket, {"image": image[np.newaxis], "image_size": size})
        count = Endpoint(self._model, masks, "inputs", "boxes").tensor.shape[0]
        best = {name: found[name][:count] for name in ("boxes", "labels")}
        self._run(masks, best | {"pyramid": found["pyramid"]})
        measured = self._calibrator.get_model_qsvs()
        self._calibrator.reset_model_qsvs()
        return {
            spot: (float(measured[name]["min"].min()), float(measured[name]["max"].max()))
            for part, signature in ((_DETECT, bucket), (_MASKS, masks))
            for spot, name in _spots(self._model, part, signature)
            if name in measured
        }

    def _run(self, signature: str, inputs: dict[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        with quietly():
            self._calibrator.calibrate({signature: [inputs]}, RecipeManager(), cache_output=True)
        [outputs] = self._calibrator.get_cached_output()
        self._calibrator.clear_cached_output()
        return dict(outputs)


def mean_ranges(measured: Sequence[Ranges]) -> Ranges:
    """Return the mean of the smallest and of the largest values, whatever the order.

    The extremes over all photographs would give one outlier's range to every other.
    """
    return {
        spot: (
            float(np.mean([each[spot][0] for each in measured])),
            float(np.mean([each[spot][1] for each in measured])),
        )
        for spot in measured[0]
    }


def ranges_of_tensors(
    model: schema.ModelT, ranges: Ranges, buckets: Iterable[str]
) -> dict[str, dict[str, NDArray[np.float32]]]:
    """Return "min" and "max" by tensor name, for the tensors of every bucket.

    Raises ExportError if the buckets' int8 operators are not the same.
    """
    named = {}
    for part, signatures in (
        (_DETECT, list(buckets)),
        (_MASKS, [masks_signature(bucket) for bucket in buckets]),
    ):
        _check_alike(model, signatures)
        for signature in signatures:
            for spot, name in _spots(model, part, signature):
                if spot in ranges:
                    low, high = (np.array([value], np.float32) for value in ranges[spot])
                    named[name] = {"min": low, "max": high}
    return named


def _check_alike(model: schema.ModelT, signatures: Sequence[str]) -> None:
    kinds = [
        [kind for kind, _ in int8_operators(model, _graph(model, each))] for each in signatures
    ]
    if any(each != kinds[0] for each in kinds):
        raise ExportError(
            f"The int8 operators of {', '.join(signatures)} are not the same, so one range "
            "cannot serve them all."
        )


def _spots(model: schema.ModelT, part: str, signature: str) -> Iterator[tuple[str, str]]:
    """Yield each key of `Ranges` with the name of the tensor there."""
    graph = _graph(model, signature)
    for number, (_, operator) in enumerate(int8_operators(model, graph)):
        for side, indices in (("in", operator.inputs), ("out", operator.outputs)):
            for position, index in enumerate(indices):
                if index >= 0:
                    name = graph.tensors[index].name.decode()
                    yield f"{part}/{number}/{side}{position}", name


def _graph(model: schema.ModelT, signature: str) -> schema.SubGraphT:
    [definition] = [d for d in model.signatureDefs if d.signatureKey.decode() == signature]
    return model.subgraphs[definition.subgraphIndex]


@contextmanager
def quietly() -> Iterator[None]:
    """Hold back a progress bar per photograph, and a warning per weight and signature."""
    logging.disable(logging.WARNING)
    try:
        with redirect_stderr(StringIO()), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(logging.NOTSET)
