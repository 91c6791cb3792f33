"""How long one photograph takes, from its bytes to its results: models, sizes, threads in turns.

The cost curve is milliseconds = a + b × megapixels + c × instances, fitted to the medians.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from time import perf_counter, process_time

import numpy as np

from handler.bench.report import Report, Row
from handler.bench.turns import Spread, in_turns
from handler.detection.detector import Detector
from handler.detection.outputs import render
from handler.schemas import Manifest, Options

# What a case is called -> the loaded model.
Detectors = Mapping[str, Detector]


def measure_latency(
    detectors: Detectors, photographs: Mapping[str, bytes], options: Options, rounds: int
) -> Report:
    """Detect in every photograph with every model, and make the outputs, in turns.

    Ratios are to the first model on the same photograph, round by round.
    """
    cases = {
        f"{name}\n{size}": partial(_measured, detector, data, options)
        for size, data in photographs.items()
        for name, detector in detectors.items()
    }
    answers = in_turns(cases, rounds)
    first = next(iter(detectors))
    rows: list[Row] = []
    for size in photographs:
        base = answers[f"{first}\n{size}"]
        rows += [_row(name, size, answers[f"{name}\n{size}"], base) for name in detectors]
    return Report("latency", rows, (*_curves(rows, detectors), _NOTE))


_NOTE = (
    "From the file's bytes to all outputs in memory: median (quartiles). Nothing is written to a "
    "disk or a bucket. cpu_ms is the time of all threads; ratios and curves are of it."
)


def detect_whole(detector: Detector, data: bytes, options: Options) -> Manifest:
    """Do what a request does, short of storing."""
    result = detector.detect(data, options)
    return result.manifest([name for name, _ in render(result)])


@dataclass(frozen=True, slots=True)
class _Taken:
    """One detection: its manifest, milliseconds of the clock and of all threads."""

    manifest: Manifest
    wall_ms: float
    cpu_ms: float


def _measured(detector: Detector, data: bytes, options: Options) -> _Taken:
    began, before = perf_counter(), process_time()
    manifest = detect_whole(detector, data, options)
    return _Taken(manifest, (perf_counter() - began) * 1e3, (process_time() - before) * 1e3)


def _row(name: str, size: str, taken: Sequence[_Taken], base: Sequence[_Taken]) -> Row:
    manifests = [each.manifest for each in taken]
    stages = {
        stage: Spread.of([each.receipt.milliseconds.get(stage, 0.0) for each in manifests])
        for stage in ("decoding", "inferring", "encoding")
    }
    relative = [mine.cpu_ms / other.cpu_ms for mine, other in zip(taken, base, strict=True)]
    return {
        "model": name,
        "photograph": size,
        "found": len(manifests[-1].detections),
        "ms": Spread.of([each.wall_ms for each in taken]).rounded(),
        "cpu_ms": Spread.of([each.cpu_ms for each in taken]).rounded(),
        **{stage: round(spread.median, 2) for stage, spread in stages.items()},
        "ratio": Spread.of(relative).rounded(),
    }


def _curves(rows: Sequence[Row], detectors: Detectors) -> list[str]:
    return [
        curve
        for name in detectors
        if (curve := _curve(name, [row for row in rows if row["model"] == name]))
    ]


def _curve(name: str, rows: Sequence[Row]) -> str:
    """Fit the cost curve to four photographs or more; what it leaves over is told."""
    if len(rows) <= 3:
        return ""
    sizes = [[float(side) for side in row["photograph"].split(" ")[0].split("×")] for row in rows]
    columns = [
        [1.0, w * h / 1e6, float(row["found"])] for (w, h), row in zip(sizes, rows, strict=True)
    ]
    known, taken = np.array(columns), np.array([row["cpu_ms"]["median"] for row in rows])
    (a, b, c), *_ = np.linalg.lstsq(known, taken, rcond=None)
    left = taken - known @ np.array([a, b, c])
    return (
        f"Cost curve of {name}: {a:.1f} ms + {b:.1f} ms a megapixel + {c:.2f} ms an instance; "
        f"residuals {', '.join(f'{each:+.1f}' for each in left)} ms."
    )
