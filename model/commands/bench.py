"""`maskdrop model bench`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from model.commands.options import console
from model.runtime.backends import BackendName
from model.runtime.versions import find_model

app = typer.Typer()


@app.command()
def bench(
    models: Annotated[list[str], typer.Argument(help="Models to measure side by side.")],
    photo: Annotated[Path, typer.Option(exists=True, dir_okay=False, help="What to detect in.")],
    backend: Annotated[BackendName, typer.Option(help="What runs the models.")] = "litert",
    rounds: Annotated[int, typer.Option(min=1, help="Measured rounds, after one of warm-up.")] = 20,
) -> None:
    """Time models on one photograph, in turns, so that a noisy machine is fair to each."""
    from model.benchmark import measure

    table = Table("model", "file", "load", "predict (median)", "to the first", "found", box=None)
    timings = measure([find_model(each) for each in models], photo, backend, rounds)
    for timing in timings:
        table.add_row(
            f"{timing.name}/{timing.version}",
            f"{timing.megabytes:.1f} MB",
            f"{timing.load_ms:.0f} ms",
            f"{timing.predict_ms:.1f} ms",
            f"{timing.predict_ms / timings[0].predict_ms:.2f}×",
            str(timing.found),
        )
    console.print(table)
