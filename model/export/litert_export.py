"""The stages from a network to the .tflite that serves, each kept when it is finished.

float.tflite -> ranges of each photograph -> int8 .tflite -> parity with the float graph
"""

from __future__ import annotations

import ctypes
import gc
import hashlib
import json
import sys
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from model.architecture.mask_rcnn import MaskRCNN
from model.export.graph_backend import GraphBackend
from model.export.litert import to_litert
from model.export.parity import Answers, Parity, compare_answers
from model.export.progress import Progress
from model.export.workspace import Workspace
from model.runtime.backends import Keep, RawDetections
from model.runtime.backends.litert import FILE_NAME, LiteRTBackend
from model.runtime.errors import ExportError
from model.runtime.manifest import MANIFEST_NAME, FileRecord, ModelManifest
from model.runtime.predictor import Predictor

Precision = Literal["int8", "float32"]
Photographs = Sequence[NDArray[np.uint8]]

# The least agreement and the least mean mask IoU with the float graph. float32 differs in
# the order of its sums alone, which may tip a suppression or a tie. int8 of an `edge` model
# after 1,000 training steps had 0.97 and 0.93, and the average precision of the float graph.
_LIMITS: dict[Precision, tuple[float, float]] = {"float32": (0.98, 0.99), "int8": (0.85, 0.85)}
# Of the photographs every third checks parity, and the others calibrate.
_CHECK_EVERY = 3
# Of the time that a ResNet-50 takes, in seconds of one core of 2026.
_CONVERT_SHARE, _METER_SHARE, _CALIBRATE_SHARE, _QUANTIZE_SHARE = 65.0, 5.0, 7.0, 20.0
_ASK_SHARE = 12.0
_COMPARE_SHARES: dict[Precision, float] = {"float32": 5.0, "int8": 1.0}


def litert_shares(precision: Precision, photographs: int) -> float:
    """Return what all parts of an export with so many photographs count, for its progress."""
    compared = len(range(0, photographs, _CHECK_EVERY))
    shares = _CONVERT_SHARE + compared * (_ASK_SHARE + _COMPARE_SHARES["float32"])
    if precision == "int8":
        shares += _METER_SHARE + (photographs - compared) * _CALIBRATE_SHARE + _QUANTIZE_SHARE
        shares += compared * _COMPARE_SHARES["int8"]
    return shares


class LitertExport:
    """One export of a network, whose stages a workspace keeps."""

    def __init__(
        self,
        model: MaskRCNN,
        manifest: ModelManifest,
        photographs: Photographs,
        workspace: Workspace,
        progress: Progress,
    ) -> None:
        self._model = model
        self._manifest = manifest
        self._check = photographs[::_CHECK_EVERY]
        self._calibration = [each for i, each in enumerate(photographs) if i % _CHECK_EVERY]
        self._workspace = workspace
        self._progress = progress

    def write(
        self, path: Path, precision: Precision, float_layers: str | None
    ) -> dict[str, Parity]:
        """Write the .tflite, and measure what conversion and quantisation each change."""
        expected = self._expected()
        with self._progress.part("Converting the network", _CONVERT_SHARE):
            float_model, _ = self._workspace.stage("float.tflite", lambda: to_litert(self._model))
        del self._model
        _give_memory_back()
        models: dict[Precision, bytes] = {"float32": float_model}
        if precision == "int8":
            models["int8"] = self._quantized(float_model, float_layers)
        parity = {}
        for name, data in models.items():
            found = Answers(self._predictor(name, data), self._check)
            parity[name] = compare_answers(expected, found, self._comparing(name))
            _hold(parity[name], name)
        path.write_bytes(models[precision])
        return {str(name): each for name, each in parity.items()}

    def _expected(self) -> Answers:
        """Ask the float graph first, so that it need not stay in memory."""
        expected = Answers(Predictor(self._manifest, GraphBackend(self._model)), self._check)
        for index in range(len(self._check)):
            doing = f"Asking the float graph, photograph {index + 1} of {len(self._check)}"
            with self._progress.part(doing, _ASK_SHARE):
                expected.predict(index)
        expected.forget_predictor()
        return expected

    def _quantized(self, float_model: bytes, float_layers: str | None) -> bytes:
        # The quantiser is not where a SavedModel alone is made: in the GPU image.
        from model.export.quantize import quantize
        from model.export.ranges import mean_ranges

        measured = self._measure(float_model)
        with self._progress.part("Quantising to int8", _QUANTIZE_SHARE):
            ranges = mean_ranges(measured)
            return quantize(float_model, ranges, self._manifest.preprocessing, float_layers)

    def _measure(self, float_model: bytes) -> list[dict[str, tuple[float, float]]]:
        """Return each calibration photograph's ranges, of which some may be kept from before."""
        from model.export.ranges import RangeMeter

        meter: RangeMeter | None = None
        measured = []
        for number, pixels in enumerate(self._calibration, start=1):
            doing = f"Calibrating, photograph {number} of {len(self._calibration)}"
            share = _CALIBRATE_SHARE + (_METER_SHARE if number == 1 else 0)
            with self._progress.part(doing, share):

                def make(pixels: NDArray[np.uint8] = pixels) -> bytes:
                    nonlocal meter
                    meter = meter or RangeMeter(float_model, self._manifest.preprocessing)
                    return json.dumps(meter.measure(pixels)).encode()

                data, _ = self._workspace.stage(f"ranges-{_digest(pixels)}.json", make)
                measured.append({key: (low, high) for key, (low, high) in json.loads(data).items()})
        return measured

    def _predictor(self, name: str, data: bytes) -> Predictor:
        folder = self._workspace.folder / f"as-{name}"
        folder.mkdir(exist_ok=True)
        (folder / FILE_NAME).write_bytes(data)
        manifest = with_files(self._manifest, folder)
        return Predictor(manifest, _ReloadedBackend(folder, manifest))

    def _comparing(self, name: Precision) -> Callable[[int], AbstractContextManager[None]]:
        def part(index: int) -> AbstractContextManager[None]:
            doing = f"Comparing {name} with it, photograph {index + 1} of {len(self._check)}"
            return self._progress.part(doing, _COMPARE_SHARES[name])

        return part


class _ReloadedBackend:
    """Loads a .tflite for each photograph: a float ResNet-50 keeps 0.9 GB for each shape it ran."""

    def __init__(self, folder: Path, manifest: ModelManifest) -> None:
        self._folder = folder
        self._manifest = manifest

    def run(
        self, image: NDArray[np.uint8], image_size: tuple[int, int], bucket: str, keep: Keep
    ) -> RawDetections:
        """Detect with an interpreter that is gone afterwards."""
        backend = LiteRTBackend(self._folder, self._manifest, threads=None)
        return backend.run(image, image_size, bucket, keep)


def with_files(manifest: ModelManifest, folder: Path) -> ModelManifest:
    """Record every file of `folder`, and save the manifest into it."""
    files = {
        path.relative_to(folder).as_posix(): FileRecord.of(path)
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != MANIFEST_NAME
    }
    recorded = replace(manifest, files=files)
    recorded.save(folder)
    return recorded


def _give_memory_back() -> None:
    """Collect what TensorFlow's graphs hold in circles, and return free pages to the system."""
    gc.collect()
    if sys.platform == "linux":
        with suppress(AttributeError, OSError):  # musl has no such function
            ctypes.CDLL(None).malloc_trim(0)


def _digest(pixels: NDArray[np.uint8]) -> str:
    shape = np.array(pixels.shape, np.int64).tobytes()
    return hashlib.sha256(shape + np.ascontiguousarray(pixels).tobytes()).hexdigest()[:16]


def _hold(parity: Parity, precision: Precision) -> None:
    """Raise ExportError unless the .tflite was compared, and agrees."""
    if parity.photographs and parity.is_of_nothing:
        raise ExportError(
            f"Neither the float graph nor the {precision} .tflite finds anything in the "
            f"{parity.photographs} photographs that compare them, so nothing was compared. "
            "Give photographs that show what the model finds, with --calibration; if it finds "
            "nothing there either, its weights are not trained, or not for this preset."
        )
    agreement, mask_iou = _LIMITS[precision]
    if parity.agreement < agreement or parity.mask_iou_mean < mask_iou:
        raise ExportError(
            f"The {precision} .tflite shares {parity.agreement:.1%} of its detections with the "
            f"float graph, with a mean mask IoU of {parity.mask_iou_mean:.3f}, on "
            f"{parity.photographs} photographs; at least {agreement:.0%} and {mask_iou} are "
            f"expected."
        )
