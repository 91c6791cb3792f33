"""What every command does with a terminal; progress and errors go to standard error."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from handler.client.outcomes import Outcome, list_found
from handler.schemas import Cost, Manifest

errors = Console(stderr=True)

Item = TypeVar("Item")


def say_error(message: str) -> None:
    """Print one sentence that says what went wrong."""
    errors.print(f"Error: {message}", style="red", markup=False, highlight=False, soft_wrap=True)


def say_part(name: str, words: str) -> None:
    """Print the line of one part that is up, or of one step that is through."""
    typer.echo(f"{name:<7} {words}")


def with_progress(items: Iterable[Item], total: int, description: str) -> Iterator[Item]:
    """Show a bar while there are several items to come."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    hidden = total < 2 or not errors.is_terminal
    with Progress(*columns, console=errors, transient=True, disable=hidden) as progress:
        yield from progress.track(items, total, description=description)


def print_outcomes(outcomes: Iterable[Outcome], out: Path | None) -> list[Outcome]:
    """Print a row per photograph that succeeded; answer those that failed."""
    table = Table("Photograph", "Size", "Found", "Seconds", "Results", box=None, pad_edge=False)
    failed, costs = [], []
    for outcome in outcomes:
        if outcome.manifest is None:
            failed.append(outcome)
        else:
            costs.append(outcome.manifest.receipt.cost)
            table.add_row(*_row(outcome, outcome.manifest), f"{out}/{outcome.photo.folder}/")
    if table.row_count:
        Console().print(table)
        _print_cost([each for each in costs if each])
    return failed


def _print_cost(costs: Sequence[Cost]) -> None:
    """Sum up the receipts of a service that is charged for."""
    if costs:
        gb_seconds, usd = sum(each.gb_seconds for each in costs), sum(each.usd for each in costs)
        typer.echo(
            f"{gb_seconds:.2f} GB-seconds of {costs[0].platform}, about ${usd:.6f} "
            f"({costs[0].prices})."
        )


def end_with(failed: Sequence[Outcome], total: int) -> None:
    """Name what failed, and where there is anything, end the command with 1."""
    for each in failed:
        say_error(f"{each.photo.path}: {each.error}")
    if failed:
        say_error(f"{len(failed)} of {total} photographs failed.")
        raise typer.Exit(1)


def _row(outcome: Outcome, manifest: Manifest) -> tuple[str, str, str, str]:
    source = manifest.source
    seconds = sum(manifest.receipt.milliseconds.values()) / 1000
    size = f"{source.width}×{source.height}"
    return outcome.photo.name, size, list_found(manifest), f"{seconds:.2f}"
