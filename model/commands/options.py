"""What the commands about models share: the console, and arguments that several take."""

from __future__ import annotations

import enum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from model.config import KNOWN_PRESETS

console = Console()

ImportedName = enum.StrEnum("ImportedName", {name: name for name in KNOWN_PRESETS})  # type: ignore[misc]

Base = Annotated[Path, typer.Option("--to", help="Folder of your models.")]
Model = Annotated[
    str,
    typer.Argument(help="A model's or a version's folder, or a name, as `mask_rcnn_edge/latest`."),
]
