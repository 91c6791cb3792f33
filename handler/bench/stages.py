"""Stages of a detection: outside the network by the clock, inside it by cutting its graph."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from time import process_time

import numpy as np

from handler.bench.machine import memory_bandwidth
from handler.bench.network import Network, Part, Work
from handler.bench.report import Report, Row
from handler.bench.turns import Spread, in_turns, timed
from handler.detection.detector import Detector, Result
from handler.detection.outputs import render
from handler.photo.decode import open_photo
from handler.schemas import Options, OutputName
from model.runtime.backends.litert import FILE_NAME
from model.runtime.preprocess import fit, place

_PEAK_REPEATS = 12


def measure_network(folder: Path, detector: Detector, data: bytes, rounds: int) -> Report:
    """Time each stage of the network on a photograph, beside its floor.

    Peak and bandwidth are measured with one thread, and so are the stages: threads hide who waits.
    """
    photo = open_photo(data, detector.limits)
    preprocessing = detector.predictor.manifest.preprocessing
    placement = place(photo.width, photo.height, preprocessing)
    image = fit(photo.full(), placement, preprocessing.pad)[np.newaxis]
    size = np.array([[placement.valid_height, placement.valid_width]], np.float32)

    network = Network((folder / FILE_NAME).read_bytes(), placement.bucket)
    ends = network.ends
    parts = {stage: Part(network.cut(0, end), threads=1) for stage, end in ends.items()}
    for part in parts.values():
        part.fill({"uint8": image, "float32": size})
    taken = in_turns(
        {stage: timed(part.run, process_time) for stage, part in parts.items()}, rounds
    )
    peak, bandwidth = int8_peak(network), memory_bandwidth()

    rows: list[Row] = []
    begin, before = 0, [0.0] * rounds
    for stage, end in ends.items():
        own = [until - start for until, start in zip(taken[stage], before, strict=True)]
        rows.append(_row(stage, Spread.of(own), network.work(begin, end), peak, bandwidth))
        begin, before = end, taken[stage]
    return Report(
        "network",
        rows,
        (
            f"One thread, CPU time. Measured peak: {peak:.0f} billion int8 multiplications "
            f"a second, in the network's heaviest convolution alone; {bandwidth:.1f} GB/s to and "
            "from memory.",
            "floor_ms: the larger of the multiplications at that peak (those in float count four "
            "times) and the bytes of all tensors at that bandwidth. A stage may be below its floor "
            "of bytes where tensors stay in the cache.",
        ),
    )


def int8_peak(network: Network) -> float:
    """Billions of int8 multiplications a second, on one thread, by the best of some runs."""
    place, macs = network.heaviest()
    if not macs:
        return float("nan")
    part = Part(network.cut(place, place + 1), threads=1)
    part.fill({})
    run = timed(part.run, process_time)
    return macs / min(run() for _ in range(_PEAK_REPEATS)) / 1e6


def _row(stage: str, spread: Spread, work: Work, peak: float, bandwidth: float) -> Row:
    multiplying = (work.int8_macs + 4 * work.float_macs) / peak / 1e6
    moving = work.bytes_moved / bandwidth / 1e6
    return {
        "stage": stage,
        "operators": work.operators,
        "cpu_ms": spread.rounded(),
        "int8 GMAC": round(work.int8_macs / 1e9, 3),
        "float GMAC": round(work.float_macs / 1e9, 3),
        "MB": round(work.bytes_moved / 1e6, 1),
        "floor_ms": round(max(multiplying, moving), 2),
    }


def measure_stages(detector: Detector, data: bytes, options: Options, rounds: int) -> Report:
    """Time decoding, the network, masks, and each output alone, in turns."""
    result = detector.detect(data, options)
    cases: dict[str, Callable[[], object]] = {
        "decoding for the network": lambda: _decoded(detector, data),
        "decoding whole": lambda: open_photo(data, detector.limits).full(),
        "decoding and network": lambda: detector.detect(data, options),
        "masks and manifest": lambda: _again(result, ()).manifest(),
        **{f"output {name}": partial(_render, result, name) for name in options.outputs},
        "all outputs and manifest": lambda: _render_all(result, options),
    }
    taken = in_turns({name: timed(case, process_time) for name, case in cases.items()}, rounds)
    rows = [{"stage": name, "cpu_ms": Spread.of(each).rounded()} for name, each in taken.items()]
    found, photo = len(result.detections), result.photo
    return Report(
        "stages",
        rows,
        (
            f"{photo.width}×{photo.height}, {found} found, {detector.model.name} "
            f"{detector.model.version}. Each output alone includes its masks; the photograph is "
            "decoded whole once, before. CPU milliseconds of all threads.",
        ),
    )


def _decoded(detector: Detector, data: bytes) -> None:
    photo = open_photo(data, detector.limits)
    photo.scaled(*detector.predictor.input_size((photo.width, photo.height)))


def _again(result: Result, outputs: tuple[OutputName, ...]) -> Result:
    """The result as it was before any mask was made."""
    return Result(
        result.photo,
        result.source,
        result.model,
        result.options.model_copy(update={"outputs": outputs}),
        result.detections,
        result.cold,
        result.stopwatch,
    )


def _render(result: Result, output: OutputName) -> None:
    for _ in render(_again(result, (output,))):
        pass


def _render_all(result: Result, options: Options) -> None:
    fresh = _again(result, options.outputs)
    fresh.manifest([name for name, _ in render(fresh)])
