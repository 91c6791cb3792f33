"""`maskdrop model info`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from model.commands.options import Model, console
from model.runtime.manifest import ModelManifest
from model.runtime.versions import find_model

app = typer.Typer()


@app.command()
def info(
    model: Model,
    as_json: Annotated[bool, typer.Option("--json", help="Print the manifest itself.")] = False,
) -> None:
    """Describe one model: classes, input, files, source, licence, scores and parity."""
    folder = find_model(model)
    manifest = ModelManifest.load(folder)
    if as_json:
        typer.echo((folder / "manifest.json").read_text(encoding="utf-8"), nl=False)
        return
    buckets = ", ".join(
        f"{name} {width}×{height}"
        for name, (height, width) in manifest.preprocessing.buckets.items()
    )
    table = Table(show_header=False, box=None)
    for label, text in (
        ("model", f"{manifest.name}, version {manifest.version}, preset {manifest.preset}"),
        *((f"  {name}", json.dumps(number)) for name, number in manifest.preset_changes.items()),
        ("folder", str(folder)),
        ("digest", manifest.digest),
        ("classes", ", ".join(each.name for each in manifest.classes)),
        ("input", buckets),
        ("source", manifest.source),
        ("licence", manifest.licence),
        ("created", manifest.created),
        ("files", "\n".join(_files(folder, manifest))),
        ("parity", json.dumps(manifest.parity, indent=1) if manifest.parity else "not measured"),
        ("scores", json.dumps(manifest.scores, indent=1) if manifest.scores else "not measured"),
    ):
        table.add_row(label, text)
    console.print(table)


def _files(folder: Path, manifest: ModelManifest) -> Iterator[str]:
    """A line for each file; a version may have been left without its weights."""
    for name, record in manifest.files.items():
        gone = "" if (folder / name).exists() else ", not here"
        yield f"{name}  {record.bytes / 1e6:.2f} MB{gone}"
