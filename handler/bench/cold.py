"""Fresh processes in turns: what a cold start takes, and how much memory it needs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from handler.bench.report import Report, Row
from handler.bench.turns import Spread, in_turns
from handler.errors import MaskdropError

# Of a case: environment variables. The first one is what the others are compared with.
Cases = Mapping[str, Mapping[str, str]]
Told = dict[str, float]


class ProcessFailed(MaskdropError):
    """A fresh process ended without an answer."""


def measure_cold(cases: Cases, photo: bytes, rounds: int) -> Report:
    """Start the API's entry anew, and have it answer one event; raises ProcessFailed."""
    told = _measure(cases, [photo], rounds)
    first = next(iter(cases))
    rows: list[Row] = []
    for name, each in told.items():
        pairs = zip(each, told[first], strict=True)
        relative = [mine["answered_cpu_s"] / base["answered_cpu_s"] for mine, base in pairs]
        rows.append(
            {
                "case": name,
                "import s": _spread(each, "import_s"),
                "import CPU s": _spread(each, "import_cpu_s"),
                "to first answer s": _spread(each, "answered_s"),
                "to first answer CPU s": _spread(each, "answered_cpu_s"),
                "ratio": Spread.of(relative).rounded(),
            }
        )
    return Report(
        "cold",
        rows,
        (
            "Importing handler.api_entry loads the model and detects its golden image; Python "
            "itself has started already. The first answer has masks. Ratios are of CPU seconds.",
        ),
    )


def measure_memory(cases: Cases, photographs: Mapping[str, bytes], rounds: int) -> Report:
    """Tell what a fresh process has in memory: ready, after one answer, at the peak."""
    rows: list[Row] = []
    for size, photo in photographs.items():
        for name, each in _measure(cases, [photo], rounds).items():
            rows.append(
                {
                    "case": name,
                    "photograph": size,
                    "ready MB": _spread(each, "import_mb"),
                    "after an answer MB": _spread(each, "answered_mb"),
                    "peak MB": _spread(each, "peak_mb"),
                }
            )
    return Report("memory", rows, ("Resident memory of the process that runs the API's entry.",))


def _measure(cases: Cases, photographs: Sequence[bytes], rounds: int) -> dict[str, list[Told]]:
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder) / f"{number}.jpg" for number in range(len(photographs))]
        for path, photo in zip(paths, photographs, strict=True):
            path.write_bytes(photo)
        return in_turns(
            {name: partial(_run, settings, paths) for name, settings in cases.items()}, rounds
        )


def _run(settings: Mapping[str, str], photographs: Sequence[Path]) -> Told:
    command = [sys.executable, "-m", "handler.bench.fresh_process", *map(str, photographs)]
    # What the template sets; Powertools asks for a namespace of metrics otherwise.
    environment = {**os.environ, "POWERTOOLS_METRICS_NAMESPACE": "Maskdrop", **settings}
    done = subprocess.run(  # noqa: S603  # fixed words
        command, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        last = (done.stderr.strip() or done.stdout.strip() or "no output").splitlines()[-1]
        raise ProcessFailed(f"handler.api_entry did not answer: {last}")
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return told


def _spread(told: Sequence[Told], name: str) -> dict[str, float]:
    return Spread.of([each[name] for each in told]).rounded(3)
