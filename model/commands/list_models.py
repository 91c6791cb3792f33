"""`maskdrop model list`."""

from __future__ import annotations

import typer
from rich.table import Table

from model.commands.options import console
from model.runtime.manifest import ModelClass, ModelManifest
from model.runtime.versions import LOCAL_MODELS, ZOO, versions

app = typer.Typer()


@app.command("list")
def list_models() -> None:
    """List the models at hand: those that come with Maskdrop, and yours in models/."""
    table = Table("model", "version", "preset", "classes", "files", box=None)
    for base in (ZOO, LOCAL_MODELS):
        for folder in sorted(base.iterdir()) if base.is_dir() else []:
            for number in versions(folder):
                version = folder / str(number)
                manifest = ModelManifest.load(version)
                here = [r.bytes for n, r in manifest.files.items() if (version / n).exists()]
                table.add_row(
                    manifest.name,
                    str(number),
                    manifest.preset,
                    _shortened(manifest.classes),
                    f"{sum(here) / 1e6:.1f} MB",
                )
    console.print(table)
    console.print(
        "mask_rcnn_edge is a small demonstration model of six classes. For COCO's 80: "
        "maskdrop model fetch coco-r50-v2",
        soft_wrap=True,
    )


def _shortened(classes: tuple[ModelClass, ...]) -> str:
    names = ", ".join(each.name for each in classes[:6])
    return names if len(classes) <= 6 else f"{names}, … ({len(classes)})"
