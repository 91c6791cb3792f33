"""What every command does with a terminal; progress, notes and errors go to standard error."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import typer
from rich.console import Console

from handler.client.text import printable

if TYPE_CHECKING:
    from rich.progress import Progress

# Exit code after Ctrl-C: 128 and the number of SIGINT, as shells have it.
INTERRUPTED = 130

errors = Console(stderr=True)


def say_error(message: str) -> None:
    """Print one sentence that says what went wrong."""
    _note(f"Error: {message}", style="red")


def say_note(message: str) -> None:
    """Print what is good to know, and neither a result nor an error."""
    _note(message, style="dim")


def say_part(name: str, words: str) -> None:
    """Print the line of one part that is up, or of one step that is through."""
    typer.echo(f"{name:<7} {words}")


def output_width() -> int | None:
    """Columns of standard output: of COLUMNS, else of its terminal; None where it is no terminal.

    What is written into a file or a pipe is not laid out for any width.
    """
    columns = os.environ.get("COLUMNS", "")
    if columns.isascii() and columns.isdecimal() and int(columns):
        return int(columns)
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


class RunProgress:
    """One line at the bottom of the terminal: how many are done, how many failed, how long yet."""

    def __init__(self, bar: Progress | None, total: int) -> None:
        self._bar = bar
        self._task = bar.add_task("", total=total, failed="", sent="") if bar else None
        self._failed = 0

    def advance(self, failed: bool) -> None:
        """Count one photograph."""
        self._failed += failed
        if self._bar and self._task is not None:
            words = f"{self._failed:,} failed" if self._failed else ""
            self._bar.update(self._task, advance=1, failed=words, sent="")

    def sent(self, sent: int, size: int) -> None:
        """Tell how far the upload of a photograph is, bytes."""
        if self._bar and self._task is not None:
            self._bar.update(self._task, sent=f"{sent / 1e6:.1f} of {size / 1e6:.1f} MB sent")

    def print(self, line: str) -> None:
        """Print a line on standard output, above the progress where both share a terminal."""
        if self._bar and sys.stdout.isatty():
            self._bar.console.print(line, markup=False, highlight=False, soft_wrap=True)
        else:
            typer.echo(line)


@contextmanager
def run_progress(total: int, *, hidden: bool) -> Iterator[RunProgress]:
    """Show progress on standard error; nothing where that is no terminal."""
    if hidden or not (errors.is_terminal and sys.stderr.isatty()):
        yield RunProgress(None, total)
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
    from rich.progress import TimeRemainingColumn as TimeRemaining

    columns = (
        BarColumn(20),
        MofNCompleteColumn(),
        TextColumn("{task.fields[failed]}", style="red"),
        TimeRemaining(compact=True, elapsed_when_finished=True),
        TextColumn("{task.fields[sent]}"),
    )
    # Redirected, what is meant for a pipe would land on standard error.
    with Progress(
        *columns, console=errors, transient=True, redirect_stdout=False, redirect_stderr=False
    ) as bar:
        yield RunProgress(bar, total)


def _note(message: str, style: str) -> None:
    text = printable(message, keep="\n")
    errors.print(text, style=style, markup=False, highlight=False, soft_wrap=True)
