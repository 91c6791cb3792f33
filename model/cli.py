"""`maskdrop model`: fetch, import, export, verify, evaluate, list and info.

Thin: every command calls one use case, imported when it runs, so that `--help` needs
neither TensorFlow nor pycocotools.
"""

from __future__ import annotations

import enum
import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)
from rich.table import Table

from model.config import PRESETS
from model.runtime.backends import BackendName
from model.runtime.manifest import ModelClass, ModelManifest
from model.runtime.versions import LOCAL_MODELS, ZOO, find_model, versions

if TYPE_CHECKING:
    from model.evaluation.coco import Scores

app = typer.Typer(help="Fetch, convert, check and describe models.", no_args_is_help=True)
console = Console()

PresetName = enum.StrEnum("PresetName", {name: name for name in PRESETS})  # type: ignore[misc]
PublishedName = enum.StrEnum(  # type: ignore[misc]
    "PublishedName", {name: name for name in PRESETS if name.startswith("coco-")}
)

Base = Annotated[Path, typer.Option("--to", help="Folder of your models.")]
Model = Annotated[
    str,
    typer.Argument(help="A model's or a version's folder, or a name, as `mask_rcnn_edge/latest`."),
]


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
    _imported(folder)


@app.command("import")
def import_checkpoint(
    checkpoint: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="A .pth file.")],
    preset: Annotated[PresetName, typer.Option(help="The architecture it was trained with.")],
    classes: Annotated[
        Path | None,
        typer.Option(
            exists=True,
            dir_okay=False,
            help="Class names, one a line, in label order; an id and a tab may precede a name. "
            "[default: COCO's, for a preset with published weights]",
        ),
    ] = None,
    name: Annotated[
        str | None, typer.Option(help="The model's name. [default: the checkpoint's]")
    ] = None,
    licence: Annotated[
        str, typer.Option(help="Under which the weights may be used.")
    ] = "not stated",
    half: Annotated[bool, typer.Option(help="Keep the weights as float16, half the size.")] = False,
    to: Base = LOCAL_MODELS,
) -> None:
    """Import a torchvision Mask R-CNN that you trained; nothing in the file is executed."""
    import numpy as np

    from model.weights.catalogue import published_weights
    from model.weights.import_model import import_model, read_classes

    folder = import_model(
        checkpoint,
        PRESETS[preset.value],
        read_classes(classes) if classes else published_weights(preset.value).classes,
        to,
        name or checkpoint.stem,
        licence=licence,
        dtype=np.float16 if half else np.float32,
    )
    _imported(folder)


@app.command()
def evaluate(
    model: Model,
    data: Annotated[Path, typer.Option(exists=True, dir_okay=False, help="A COCO file.")],
    images: Annotated[
        Path | None, typer.Option(help="Its photographs. [default: images/ beside it]")
    ] = None,
    backend: Annotated[BackendName, typer.Option(help="What runs the network.")] = "litert",
) -> None:
    """Score a model with COCO's protocol, and write the scores into its manifest."""
    from dataclasses import asdict, replace

    from model.evaluation.coco import detect_all, score
    from model.runtime.predictor import Predictor

    folder = find_model(model)
    predictor = Predictor.load(folder, backend)
    results = list(detect_all(predictor, data, images or data.parent / "images"))
    ids = [each.id for each in predictor.manifest.classes]
    scores = {kind: score(data, results, ids, kind) for kind in ("segm", "bbox")}
    figures = {kind: asdict(value) for kind, value in scores.items()}
    manifest = predictor.manifest
    replace(manifest, scores={**manifest.scores, backend: {data.name: figures}}).save(folder)
    console.print(_score_table(scores["segm"], scores["bbox"]))


@app.command("list")
def list_models() -> None:
    """List the models at hand: those that come with Maskdrop, and yours in models/."""
    table = Table("model", "version", "preset", "classes", "files", box=None)
    for base in (ZOO, LOCAL_MODELS):
        for folder in sorted(base.iterdir()) if base.is_dir() else []:
            for number in versions(folder):
                manifest = ModelManifest.load(folder / str(number))
                table.add_row(
                    manifest.name,
                    str(number),
                    manifest.preset,
                    _shortened(manifest.classes),
                    f"{sum(record.bytes for record in manifest.files.values()) / 1e6:.1f} MB",
                )
    console.print(table)


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
        ("folder", str(folder)),
        ("digest", manifest.digest),
        ("classes", ", ".join(each.name for each in manifest.classes)),
        ("input", buckets),
        ("source", manifest.source),
        ("licence", manifest.licence),
        ("created", manifest.created),
        ("files", "\n".join(f"{n}  {r.bytes / 1e6:.2f} MB" for n, r in manifest.files.items())),
        ("parity", json.dumps(manifest.parity, indent=1) if manifest.parity else "not measured"),
        ("scores", json.dumps(manifest.scores, indent=1) if manifest.scores else "not measured"),
    ):
        table.add_row(label, text)
    console.print(table)


def _imported(folder: Path) -> None:
    console.print(f"Imported into {folder}.")
    console.print(f"Next: maskdrop model export {folder} --calibration PHOTOS")


def _shortened(classes: tuple[ModelClass, ...]) -> str:
    names = ", ".join(each.name for each in classes[:6])
    return names if len(classes) <= 6 else f"{names}, … ({len(classes)})"


def _score_table(masks: Scores, boxes: Scores) -> Table:
    table = Table("class", "objects", "mask AP", "mask AP50", "box AP", "box AP50", box=None)
    for mask, box in zip(masks.classes, boxes.classes, strict=True):
        figures = (mask.ap, mask.ap50, box.ap, box.ap50)
        table.add_row(mask.name, str(mask.objects), *(f"{value:.3f}" for value in figures))
    figures = (masks.ap, masks.ap50, boxes.ap, boxes.ap50)
    table.add_row("all", "", *(f"{value:.3f}" for value in figures), style="bold")
    return table
