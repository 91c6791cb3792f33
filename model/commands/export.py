"""`maskdrop model export`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from model.commands.export_progress import export_progress
from model.commands.options import Model, console
from model.commands.parity_table import parity_table
from model.photographs import read_photographs
from model.runtime.versions import LOCAL_MODELS, ZOO, find_model

if TYPE_CHECKING:
    from model.export.export_model import Artifact


app = typer.Typer()


@app.command()
def export(
    model: Model,
    calibration: Annotated[
        Path | None,
        typer.Option(
            exists=True,
            file_okay=False,
            help="Folder of photographs such as the model will see: two thirds calibrate int8, "
            "one third measures parity. [default: views of three samples]",
        ),
    ] = None,
    float32: Annotated[
        bool, typer.Option("--float32", help="Leave the .tflite unquantised.")
    ] = False,
    float_layers: Annotated[
        str | None,
        typer.Option(
            metavar="REGEX",
            help="Layers that int8 leaves alone, as `mask_head` or `fpn|box_head`.",
        ),
    ] = None,
    saved_model: Annotated[bool, typer.Option(help="Write the SavedModel.")] = True,
    litert: Annotated[bool, typer.Option(help="Write the .tflite.")] = True,
    golden: Annotated[
        Path | None,
        typer.Option(
            exists=True,
            dir_okay=False,
            help="A photograph to detect whenever the model is loaded. [default: the version's, "
            "or a sample, unless --calibration is given]",
        ),
    ] = None,
    to: Annotated[
        Path | None,
        typer.Option(help="Folder of models to write to. [default: in place; models/ for a zoo's]"),
    ] = None,
) -> None:
    """Write a model's SavedModel and int8 .tflite, and measure the latter on the float graph.

    An export that was interrupted goes on behind its last finished stage.
    """
    from model.export.export_model import export_model

    chosen: dict[Artifact, bool] = {"saved_model": saved_model, "litert": litert}
    folder = find_model(model)
    base = LOCAL_MODELS if to is None and folder.is_relative_to(ZOO) else to
    target = folder if base is None else base / folder.parent.name / folder.name
    with export_progress() as report:
        manifest = export_model(
            folder,
            read_photographs(calibration) if calibration else None,
            artifacts=[name for name, wanted in chosen.items() if wanted],
            precision="float32" if float32 else "int8",
            float_layers=float_layers,
            golden=golden,
            to=target,
            report=report,
        )
    console.print(f"Exported to {target}.")
    if manifest.parity:
        console.print(parity_table(manifest.parity))
