"""`maskdrop model fetch`."""

from __future__ import annotations

import enum
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

from model.commands.export_progress import export_progress
from model.commands.options import Base, console
from model.commands.parity_table import parity_table
from model.config import PRESETS
from model.photographs import read_photographs
from model.runtime.manifest import ModelManifest
from model.runtime.versions import LOCAL_MODELS
from model.weights.catalogue import CATALOGUE, published_weights

if TYPE_CHECKING:
    from model.weights.fetch import Progress as Downloaded

app = typer.Typer()

PublishedName = enum.StrEnum(  # type: ignore[misc]
    "PublishedName", {name: name for name in CATALOGUE}
)


@app.command()
def fetch(
    preset: Annotated[
        PublishedName,
        typer.Argument(
            help="Which weights, with their published AP on COCO val2017: "
            + ", ".join(
                f"{e.preset} ({e.box_ap} box, {e.mask_ap} mask)" for e in CATALOGUE.values()
            )
            + "."
        ),
    ],
    calibration: Annotated[
        Path | None,
        typer.Option(
            exists=True,
            file_okay=False,
            help="Folder of photographs such as the model will see, to calibrate int8 and measure "
            "parity. [default: views of three samples]",
        ),
    ] = None,
    to: Base = LOCAL_MODELS,
) -> None:
    """Download torchvision's COCO weights and make of them a model that serves.

    Checks the file's digest, imports it, exports it in int8 and compares that with the float
    graph. When interrupted, the same command goes on where it was.
    """
    from model.export.fetch_model import fetch_model
    from model.weights.fetch import default_cache_folder

    published = published_weights(preset.value)
    photographs = read_photographs(calibration) if calibration else None
    with _download_progress(published.file_name) as downloaded, export_progress() as report:
        folder = fetch_model(
            published,
            PRESETS[preset.value],
            to,
            default_cache_folder(),
            photographs,
            downloaded=downloaded,
            report=report,
            say=lambda line: console.print(escape(line)),
        )
    _say_served(folder, to)


@contextmanager
def _download_progress(name: str) -> Iterator[Downloaded]:
    """Draw a bar while something is downloaded, and leave it there when it is whole."""
    progress = Progress(
        TextColumn(name),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
        console=console,
    )
    task = progress.add_task("download", total=None)

    def downloaded(done: int, total: int | None) -> None:
        progress.start()
        progress.update(task, completed=done, total=total)
        if done == total:
            progress.stop()

    try:
        yield downloaded
    finally:
        progress.stop()


def _say_served(folder: Path, base: Path) -> None:
    """Print what was measured, and how the model is served here and in a bucket."""
    manifest = ModelManifest.load(folder)
    console.print(parity_table(manifest.parity))
    model = folder.parent.name if base == LOCAL_MODELS else folder.parent
    bucket = f"s3://BUCKET/models/{folder.parent.name}"
    # A version counts once its manifest is there, so that goes last.
    upload = (
        f"aws s3 cp --recursive {folder} {bucket}/{folder.name} --exclude manifest.json "
        f"--exclude weights.npz && aws s3 cp {folder}/manifest.json {bucket}/{folder.name}/"
    )
    console.print(f"Serve it here:     MASKDROP_MODEL={model} maskdrop run", soft_wrap=True)
    console.print(f"Put it in a bucket: {upload}", soft_wrap=True)
    console.print(f"and serve it there: MASKDROP_MODEL={bucket}", soft_wrap=True)
