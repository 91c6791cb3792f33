"""The course of a run as a picture: losses above, scores below."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from model.training import records

PICTURE = "curves.png"
# Steps that a point of a loss curve is the mean of, at most: single steps are noise.
_SMOOTHED = 50
# Points up to which each is shown.
_DOTTED = 50


def draw_curves(run: Path) -> None:
    """Draw `run`'s losses.csv and scores.csv into curves.png."""
    losses, scores = records.read(run / records.LOSSES), records.read(run / records.SCORES)
    if not losses:
        return
    figure = Figure(figsize=(9, 7), layout="constrained")
    above, below = figure.subplots(2, sharex=True)
    names = [name for name in losses[0] if name.startswith("loss_")]
    _plot(above, losses, names, _SMOOTHED)
    above.set(ylabel="loss", yscale="log")
    if scores:
        _plot(below, scores, [name for name in scores[0] if name.startswith("AP")], 1)
    below.set(xlabel="step", ylabel="score", ylim=(0, 1))
    part = run / f"{PICTURE}.part"
    figure.savefig(part, format="png", dpi=100)
    part.replace(run / PICTURE)


def _plot(axes: Axes, rows: Sequence[records.Row], names: list[str], smoothed: int) -> None:
    steps = np.array([row["step"] for row in rows])
    # A single point is no line.
    marker = "." if len(steps) <= _DOTTED else ""
    for name in names:
        values = np.array([row[name] for row in rows])
        curve = _running_mean(values, smoothed)
        axes.plot(steps, curve, marker=marker, label=name.removeprefix("loss_"))
    axes.grid(alpha=0.3)
    axes.legend(loc="center left", bbox_to_anchor=(1, 0.5))


def _running_mean(values: NDArray[np.float64], width: int) -> NDArray[np.float64]:
    """Mean of each value (N,) and the ones before it, `width` together at most."""
    total = np.cumsum(np.insert(values, 0, 0.0))
    ends = np.arange(1, len(values) + 1)
    starts = np.maximum(ends - width, 0)
    means: NDArray[np.float64] = (total[ends] - total[starts]) / (ends - starts)
    return means
