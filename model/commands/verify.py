"""`maskdrop model verify`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from model.commands.options import Model, console
from model.commands.parity_table import parity_table
from model.photographs import read_photographs
from model.runtime.backends import BackendName
from model.runtime.errors import ExportError
from model.runtime.versions import find_model

app = typer.Typer()


@app.command()
def verify(
    model: Model,
    photos: Annotated[
        Path, typer.Option(exists=True, file_okay=False, help="Folder of photographs.")
    ],
    backend: Annotated[BackendName, typer.Option(help="What runs the model.")] = "litert",
    against: Annotated[
        str | None, typer.Option(help="The reference model. [default: the same one]")
    ] = None,
    against_backend: Annotated[
        BackendName, typer.Option(help="What runs the reference.")
    ] = "saved_model",
) -> None:
    """Compare two models, or two backends of one, on photographs: boxes, scores, masks."""
    from dataclasses import asdict

    from model.export.parity import compare
    from model.runtime.predictor import Predictor

    reference = Predictor.load(find_model(against or model), against_backend)
    candidate = Predictor.load(find_model(model), backend)
    parity = compare(reference, candidate, read_photographs(photos))
    if parity.is_of_nothing:
        raise ExportError(
            f"Neither {model} ({backend}) nor {against or model} ({against_backend}) finds "
            f"anything in {parity.photographs} photographs of {photos}, so nothing was compared."
        )
    console.print(f"{model} ({backend}) against {against or model} ({against_backend}):")
    console.print(parity_table({backend: asdict(parity)}))
