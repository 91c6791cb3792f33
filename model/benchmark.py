"""Time models on one photograph, in turns: what one request costs, without decoding it."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from model.photographs import read_pixels
from model.runtime.backends import BackendName, served_files
from model.runtime.predictor import Predictor

# So much of what a model finds has its mask computed; figures of other days were taken with it.
SCORE_THRESHOLD = 0.5


@dataclass(frozen=True, slots=True)
class Timing:
    """One model's figures: its file in MB, milliseconds to load and to predict, what it found."""

    name: str
    version: int
    megabytes: float
    load_ms: float
    predict_ms: float
    found: int


def measure(
    folders: Sequence[Path], photo: Path, backend: BackendName, rounds: int
) -> list[Timing]:
    """Predict `photo` with every model in turn, `rounds` times after a first time.

    predict_ms is the median; the models take turns, so that their ratios hold on a machine
    whose speed drifts.
    """
    pixels = read_pixels(photo)
    size = (pixels.shape[1], pixels.shape[0])
    predictors, loads = [], []
    for folder in folders:
        start = time.perf_counter()
        predictors.append(Predictor.load(folder, backend))
        loads.append(time.perf_counter() - start)
    found = [
        len(predictor.predict(pixels, size, score_threshold=SCORE_THRESHOLD))
        for predictor in predictors
    ]
    seconds: list[list[float]] = [[] for _ in predictors]
    for _ in range(rounds):
        for predictor, taken in zip(predictors, seconds, strict=True):
            start = time.perf_counter()
            predictor.predict(pixels, size, score_threshold=SCORE_THRESHOLD)
            taken.append(time.perf_counter() - start)
    return [
        Timing(
            name=predictor.manifest.name,
            version=predictor.manifest.version,
            megabytes=_megabytes(predictor, backend),
            load_ms=load * 1e3,
            predict_ms=median(taken) * 1e3,
            found=count,
        )
        for predictor, load, taken, count in zip(predictors, loads, seconds, found, strict=True)
    ]


def _megabytes(predictor: Predictor, backend: BackendName) -> float:
    """Size of the files that the backend loads."""
    manifest = predictor.manifest
    return sum(manifest.files[name].bytes for name in served_files(backend, manifest)) / 1e6
