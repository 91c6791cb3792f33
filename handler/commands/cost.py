"""`maskdrop cost`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from handler.client.result_folder import read_manifest
from handler.detection.cost_table import Work, cost_tables
from handler.errors import BadOptions

app = typer.Typer()


@app.command()
def cost(
    results: Annotated[
        list[Path],
        typer.Argument(
            metavar="RESULT", help="Result folders that `maskdrop detect` or `upload` wrote."
        ),
    ],
) -> None:
    """Estimate the cost of a thousand such photographs, and when an instance is cheaper.

    Prints Markdown tables from the durations in the results' receipts. Measure with
    MASKDROP_THREADS=1 on an idle machine: Lambda's default is one vCPU.
    """
    typer.echo(cost_tables([_read(folder) for folder in results]))


def _read(folder: Path) -> Work:
    manifest = read_manifest(folder)
    if manifest is None:
        raise BadOptions(f"{folder} is not a result folder: it has no valid manifest.json.")
    return Work.of(manifest)
