"""Side by side with torchvision and ONNX Runtime: same weights, photographs, proposals, threads.

They live in a throw-away environment, in a process each, and every round asks them in turn.
"""

from __future__ import annotations

import json
import subprocess
import tempfile
import venv
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

import numpy as np

from handler.bench.report import Report, Row
from handler.bench.turns import Spread, in_turns
from handler.detection.detector import Detector
from handler.errors import MaskdropError
from handler.schemas import Options
from model.runtime.boxes import box_ious

PACKAGES = (
    "torch==2.14.1",
    "torchvision==0.29.1",
    "onnx",
    "onnxruntime",
    "onnxscript",
    "pillow",
)
PEERS = ("torchvision", "onnxruntime")
_SCRIPT = Path(__file__).with_name("peer_process.py")
_SAME_IOU = 0.5


class PeerFailed(MaskdropError):
    """A peer could not be installed, or ended."""


Answer = dict[str, Any]


def measure_peers(
    detector: Detector,
    checkpoint: Path,
    photographs: Mapping[str, bytes],
    *,
    python: Path,
    threads: int,
    threshold: float,
    rounds: int,
) -> Report:
    """Detect with every peer and with `detector`, which was made from `checkpoint`, in turns.

    python: of the environment that `throw_away_environment` made. Raises PeerFailed.
    """
    preset = detector.predictor.manifest.preset
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        peers = {
            name: stack.enter_context(running_peer(python, name, checkpoint, preset, threads))
            for name in PEERS
        }
        rows: list[Row] = []
        for size, data in photographs.items():
            path = folder / "photograph.jpg"
            path.write_bytes(data)
            asked = {"photograph": str(path), "threshold": threshold}
            cases = {name: partial(peer, asked) for name, peer in peers.items()}
            cases["maskdrop"] = partial(_ours, detector, data, threshold)
            answers = in_turns(cases, rounds)
            rows += [_row(name, size, answers) for name in answers]
    return Report(
        "peers",
        rows,
        (
            f"{preset}, {threads} threads each, the preset's proposals; from a JPEG's bytes to the "
            "run lengths of masks. times: how many times as long as Maskdrop each takes, by CPU "
            "milliseconds of all threads, round by round; times by clock likewise.",
            "same: the share of torchvision's float detections that are also found, with the same "
            "class and an IoU of boxes of at least 0.5; box IoU is the mean of those.",
        ),
    )


def throw_away_environment(folder: Path) -> Path:
    """Install the peers below `folder`, some 5 GB; returns its Python. Raises PeerFailed."""
    venv.create(folder, with_pip=True)
    python = folder / "bin/python"
    done = subprocess.run(  # noqa: S603  # fixed words
        [python, "-m", "pip", "install", "--quiet", *PACKAGES], check=False
    )
    if done.returncode:
        raise PeerFailed(f"pip could not install {', '.join(PACKAGES)}; its words are above.")
    return python


@contextmanager
def running_peer(
    python: Path, name: str, checkpoint: Path, preset: str, threads: int
) -> Iterator[Any]:
    """Start a peer; yields what asks it. Raises PeerFailed."""
    command = [str(python), str(_SCRIPT), name, str(checkpoint), preset, str(threads)]
    process = subprocess.Popen(  # noqa: S603  # fixed words
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        _read(process, name)
        yield partial(_ask, process, name)
    finally:
        process.kill()
        process.communicate()


def _ask(process: subprocess.Popen[str], name: str, asked: Mapping[str, Any]) -> Answer:
    if process.stdin is None:
        raise PeerFailed(f"{name} cannot be asked.")
    process.stdin.write(json.dumps(asked) + "\n")
    process.stdin.flush()
    return _read(process, name)


def _read(process: subprocess.Popen[str], name: str) -> Answer:
    # Exporters print as they like.
    for line in process.stdout or ():
        if line.startswith("{"):
            answer: Answer = json.loads(line)
            return answer
    raise PeerFailed(f"{name} ended with status {process.wait()}; its words are above.")


def _ours(detector: Detector, data: bytes, threshold: float) -> Answer:
    began, before = perf_counter(), process_time()
    result = detector.detect(data, Options(score_threshold=threshold, outputs=()))
    found = result.instances
    return {
        "wall_ms": (perf_counter() - began) * 1e3,
        "cpu_ms": (process_time() - before) * 1e3,
        "boxes": [each.box for each in found],
        "labels": [each.class_id for each in found],
    }


def _row(name: str, size: str, answers: Mapping[str, Sequence[Answer]]) -> Row:
    mine, ours = answers[name], answers["maskdrop"]
    share, iou = agreement(answers["torchvision"][-1], mine[-1])
    ratio = {
        clock: Spread.of([a[clock] / b[clock] for a, b in zip(mine, ours, strict=True)]).rounded()
        for clock in ("cpu_ms", "wall_ms")
    }
    return {
        "peer": name,
        "photograph": size,
        "found": len(mine[-1]["labels"]),
        "wall_ms": Spread.of([each["wall_ms"] for each in mine]).rounded(1),
        "cpu_ms": Spread.of([each["cpu_ms"] for each in mine]).rounded(1),
        "times": ratio["cpu_ms"],
        "times by clock": ratio["wall_ms"],
        "same": round(share, 3),
        "box IoU": round(iou, 3),
    }


def agreement(expected: Answer, found: Answer) -> tuple[float, float]:
    """The share of the expected boxes that are found, and the mean IoU of those; 1, 1 of none."""
    boxes = [np.asarray(each["boxes"], float).reshape(-1, 4) for each in (expected, found)]
    labels = [np.asarray(each["labels"]) for each in (expected, found)]
    ious = np.where(labels[0][:, None] == labels[1], box_ious(*boxes), 0)
    overlaps = []
    for row in ious if len(boxes[1]) else ():
        best = int(row.argmax())
        if row[best] >= _SAME_IOU:
            overlaps.append(float(row[best]))
            # One detection answers one other.
            ious[:, best] = 0
    if not len(expected["boxes"]):
        return 1.0, 1.0
    return len(overlaps) / len(expected["boxes"]), float(np.mean(overlaps)) if overlaps else 0.0
