"""The table of how far artifacts are from the float graph."""

from __future__ import annotations

from typing import Any

from rich.table import Table


def parity_table(parity: dict[str, dict[str, Any]]) -> Table:
    """Return a row for each artifact, with the figures of `Parity`."""
    table = Table(
        "",
        "photos",
        "found",
        "missed",
        "extra",
        "box px\nmedian, max",
        "score\nmean, max",
        "mask IoU\nmean, min",
        box=None,
    )
    for name, figures in parity.items():
        table.add_row(
            name,
            *(str(figures[key]) for key in ("photographs", "detections", "missed", "extra")),
            f"{figures['box_px_median']:.1f}, {figures['box_px_max']:.1f}",
            f"{figures['score_mean']:.3f}, {figures['score_max']:.3f}",
            f"{figures['mask_iou_mean']:.3f}, {figures['mask_iou_min']:.2f}",
        )
    return table
