"""What a run writes down: CSV files of one row a step, or an evaluation."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path

LOSSES = "losses.csv"
SCORES = "scores.csv"

Row = Mapping[str, float]


def append(path: Path, *rows: Row) -> None:
    """Append rows to a CSV file, after a header if it is new."""
    new = not path.exists()
    with path.open("a", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, rows[0])
        if new:
            writer.writeheader()
        writer.writerows({name: f"{value:.6g}" for name, value in row.items()} for row in rows)


def read(path: Path) -> Sequence[Row]:
    """Read every row that was written whole; none where there is no file."""
    if not path.exists():
        return []
    with path.open(newline="", encoding="utf-8") as file:
        whole = [row for row in csv.DictReader(file) if all(row.values())]
    return [{name: float(value) for name, value in row.items()} for row in whole]


def forget_after(path: Path, step: int) -> None:
    """Drop the rows of later steps: a run that was killed takes them again."""
    rows = read(path)
    kept = [row for row in rows if row["step"] <= step]
    if len(kept) < len(rows):
        path.unlink()
        if kept:
            append(path, *kept)
