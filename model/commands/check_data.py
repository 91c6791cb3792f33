"""`maskdrop model check-data`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress

from model.commands.options import console

app = typer.Typer()


@app.command()
def check_data(
    train: Annotated[
        Path, typer.Argument(exists=True, dir_okay=False, help="The COCO file to train on.")
    ],
    images: Annotated[
        Path | None,
        typer.Option(
            exists=True, file_okay=False, help="Its photographs. [default: images/ beside it]"
        ),
    ] = None,
    val: Annotated[
        Path | None,
        typer.Option(exists=True, dir_okay=False, help="The COCO file to be scored on."),
    ] = None,
    val_images: Annotated[
        Path | None,
        typer.Option(exists=True, file_okay=False, help="Its photographs. [default: --images]"),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print every finding as JSON, and nothing else.")
    ] = False,
) -> None:
    """Check annotated photographs before training: files, boxes, masks, ids, classes, leaks.

    Ends with 0, or with 1 when there are errors; warnings are worth a look.
    """
    from model.training.check_data import check_data as check
    from model.training.checks.records import read_data_set
    from model.training.checks.report import report_json, report_summary, report_table

    folder = images or train.parent / "images"
    learnt = read_data_set(train, folder)
    scored = read_data_set(val, val_images or folder) if val else None
    total = len(learnt.images) + (len(scored.images) if scored else 0)
    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("Reading photographs", total=total)
        report = check(learnt, scored, lambda: progress.advance(task))
    if as_json:
        typer.echo(json.dumps(report_json(report), indent=1))
    else:
        if report.findings:
            console.print(report_table(report))
        console.print("\n".join(report_summary(report)))
    if report.count("error"):
        raise typer.Exit(1)
