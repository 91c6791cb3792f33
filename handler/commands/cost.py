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
        typer.Argument(metavar="RESULT", help="Folders that `maskdrop detect` or `upload` wrote."),
    ],
) -> None:
    """Print what a thousand such photographs would cost, and when an own instance is cheaper.

    In Markdown, from the milliseconds in the results' receipts. Time them with
    MASKDROP_THREADS=1, on a processor with nothing else to do: Lambda's default is one vCPU.
    """
    typer.echo(cost_tables([_read(folder) for folder in results]))


def _read(folder: Path) -> Work:
    manifest = read_manifest(folder)
    if manifest is None:
        raise BadOptions(f"{folder} holds no manifest.json of a result.")
    return Work.of(manifest)
