"""What every command does with a terminal: progress and errors, on standard error."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from handler.schemas import Manifest

Item = TypeVar("Item")

_errors = Console(stderr=True)


def say_error(message: str) -> None:
    """Print one sentence that says what went wrong."""
    _errors.print(f"Error: {message}", style="red", markup=False, highlight=False, soft_wrap=True)


def with_progress(items: Iterable[Item], total: int, description: str) -> Iterator[Item]:
    """Show a bar while there are several items to come."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    hidden = total < 2 or not _errors.is_terminal
    with Progress(*columns, console=_errors, transient=True, disable=hidden) as progress:
        yield from progress.track(items, total, description=description)


@contextmanager
def native_stderr_closed() -> Iterator[None]:
    """Keep what C++ libraries log while loading off the terminal; Python's errors still rise."""
    kept = os.dup(2)
    silence = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silence, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(silence)


def list_found(manifest: Manifest) -> str:
    """`2 person (0.98, 0.91), 1 cat (0.99)`: the most certain first, three scores at most."""
    scores: dict[str, list[str]] = {}
    for each in manifest.detections:
        scores.setdefault(each.class_name, []).append(f"{each.score:.2f}")
    return (
        ", ".join(
            f"{len(found)} {name} ({', '.join(found[:3])}{', …' * (len(found) > 3)})"
            for name, found in scores.items()
        )
        or "nothing"
    )
