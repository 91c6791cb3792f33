"""How the commands show that an export goes on, and how long it still takes."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from model.export.progress import OnProgress


@contextmanager
def export_progress() -> Iterator[OnProgress]:
    """Draw a bar on a terminal; elsewhere, print a line for each stage. Both on stderr."""
    console = Console(stderr=True)
    began = time.monotonic()
    if not console.is_terminal:
        yield _in_lines(console, began)
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[left]}"),
    )
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("Reading the weights", total=None, left="")

        def report(doing: str, done: float, total: float) -> None:
            left = _left(time.monotonic() - began, done, total)
            progress.update(task, description=doing, completed=done, total=total, left=left)

        yield report


def _in_lines(console: Console, began: float) -> OnProgress:
    said: list[str] = []

    def report(doing: str, done: float, total: float) -> None:
        if doing not in said:
            said.append(doing)
            elapsed = time.monotonic() - began
            console.print(f"{elapsed:4.0f} s  {doing}  {_left(elapsed, done, total)}".rstrip())

    return report


def _left(elapsed: float, done: float, total: float) -> str:
    """Say the time that the rest takes at the speed so far; nothing before a part is done."""
    if not done:
        return ""
    seconds = round(elapsed * (total - done) / done)
    return f"about {seconds // 60}:{seconds % 60:02d} left"
