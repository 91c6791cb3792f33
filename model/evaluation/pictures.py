"""Precision-recall curves and the confusion matrix, as Matplotlib figures.

C classes, T IoU thresholds, R recalls.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from model.evaluation.mistakes import MATCH_IOU, SCORE_THRESHOLD
from model.evaluation.scores import AT_50, AT_75, RECALLS, Evaluation
from model.evaluation.truth import Kind

# More curves cannot be distinguished, and more numbers cannot be read.
_MOST_CURVES = 10
_MOST_NUMBERED = 20


def draw_curves(evaluation: Evaluation, kind: Kind) -> Figure:
    """Precision over recall at IoU 0.50 and 0.75: of the commonest classes, and of all."""
    figure = Figure(figsize=(11, 6), dpi=150, layout="constrained")
    shape = "masks" if kind == "segm" else "boxes"
    for axes, index, iou in zip(
        figure.subplots(1, 2), (AT_50, AT_75), ("0.50", "0.75"), strict=True
    ):
        _draw_curves(axes, evaluation, index)
        axes.set_title(f"{shape} that overlap by IoU {iou} and more")
    return figure


def _draw_curves(axes: Axes, evaluation: Evaluation, iou: int) -> None:
    scores, curves = evaluation.scores.classes, evaluation.curves[:, iou]
    with_objects = [index for index, each in enumerate(scores) if each.objects]
    commonest = sorted(with_objects, key=lambda index: -scores[index].objects)[:_MOST_CURVES]
    for index in commonest:
        label = f"{scores[index].name} {curves[index].mean():.2f}"
        axes.plot(RECALLS, curves[index], linewidth=1.5, label=label)
    mean = curves[with_objects].mean(axis=0)
    label = f"mean {mean.mean():.2f}"
    axes.plot(RECALLS, mean, color="black", linewidth=2, linestyle="dashed", label=label)
    axes.set(xlabel="recall", ylabel="precision", xlim=(0, 1), ylim=(0, 1.02))
    axes.grid(alpha=0.3)
    # Under the curves: inside, it would hide the poor ones.
    axes.legend(
        title="area below each",
        loc="upper center",
        bbox_to_anchor=(0.5, -0.12),
        ncols=3,
        fontsize="small",
        frameon=False,
    )


def draw_confusion(counts: NDArray[np.int64], names: Sequence[str]) -> Figure:
    """Counts (C + 1, C + 1), coloured by their share of what is there (of a row)."""
    side = min(4 + 0.55 * len(counts), 18)
    figure = Figure(figsize=(side, side), dpi=150, layout="constrained")
    axes = figure.subplots()
    share = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    axes.imshow(share, cmap="Blues", vmin=0, vmax=1)
    ticks = range(len(counts))
    axes.set_xticks(ticks, [*names, "nothing"], rotation=45, ha="right")
    axes.set_yticks(ticks, [*names, "nothing"])
    axes.set(xlabel="found", ylabel="there")
    axes.set_title(
        f"Detections of score {SCORE_THRESHOLD} and more, at IoU {MATCH_IOU};\n"
        "false ones count where their class is labelled in full",
        fontsize="medium",
    )
    if len(counts) <= _MOST_NUMBERED:
        for row, column in np.argwhere(counts):
            colour = "white" if share[row, column] > 0.65 else "black"
            axes.text(column, row, counts[row, column], ha="center", va="center", color=colour)
    return figure
