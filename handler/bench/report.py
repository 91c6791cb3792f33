"""What a benchmark answers: rows with the machine beside them, as JSON, table and picture."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from handler.bench.machine import describe_machine

Row = dict[str, Any]


@dataclass(frozen=True)
class Report:
    """One benchmark's figures.

    rows: one a case, all with the same keys; a value is text, a number, or a spread of
    `median`, `low` and `high`.
    notes: what a reader has to know of how it was measured.
    """

    name: str
    rows: Sequence[Row]
    notes: Sequence[str] = ()
    machine: dict[str, Any] = field(default_factory=describe_machine)

    def to_json(self) -> str:
        """The whole report."""
        return json.dumps(asdict(self), indent=2, ensure_ascii=False)

    def save(self, path: Path) -> None:
        """Write the JSON; raises OSError."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(self.to_json() + "\n")

    def print(self, console: Console) -> None:
        """Print a table, and the notes below it."""
        table = Table(*self.columns, box=None)
        for row in self.rows:
            table.add_row(*(written(row[column]) for column in self.columns))
        console.print(table)
        for note in self.notes:
            console.print(note, style="dim", highlight=False)

    @property
    def columns(self) -> list[str]:
        """The keys of the rows."""
        return list(self.rows[0]) if self.rows else []

    def to_markdown(self) -> str:
        """A table for a page of documentation, with the notes below it."""
        lines = [self.columns, ["---"] * len(self.columns)]
        lines += [[written(row[column]) for column in self.columns] for row in self.rows]
        table = "\n".join("| " + " | ".join(line) + " |" for line in lines)
        return "\n\n".join([table, *self.notes])


def read_report(path: Path) -> Report:
    """Read what `save` wrote; raises OSError, ValueError."""
    return Report(**json.loads(path.read_text()))


def written(value: Any) -> str:
    """A cell's text: a spread is its median and its quartiles."""
    if isinstance(value, dict):
        return f"{written(value['median'])} ({written(value['low'])} to {written(value['high'])})"
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
    return str(value)
