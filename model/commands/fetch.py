"""`maskdrop model fetch`."""

from __future__ import annotations

import enum
from typing import Annotated

import typer
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

from model.commands.import_checkpoint import say_imported
from model.commands.options import Base, console
from model.config import PRESETS
from model.runtime.versions import LOCAL_MODELS

app = typer.Typer()

PublishedName = enum.StrEnum(  # type: ignore[misc]
    "PublishedName", {name: name for name in PRESETS if name.startswith("coco-")}
)


@app.command()
def fetch(
    preset: Annotated[PublishedName, typer.Argument(help="Whose published weights to download.")],
    to: Base = LOCAL_MODELS,
) -> None:
    """Download torchvision's COCO weights, check their digest and import them."""
    from model.weights.catalogue import published_weights
    from model.weights.fetch import default_cache_folder
    from model.weights.fetch import fetch as download
    from model.weights.import_model import import_model

    published = published_weights(preset.value)
    with Progress(
        TextColumn(published.file_name),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
        console=console,
    ) as progress:
        task = progress.add_task("download", total=None)
        path = download(
            published,
            default_cache_folder(),
            lambda done, total: progress.update(task, completed=done, total=total),
        )
    folder = import_model(
        path,
        PRESETS[preset.value],
        published.classes,
        to,
        preset.value,
        source=published.url,
        licence=published.licence,
    )
    say_imported(folder)
