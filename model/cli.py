"""`maskdrop model`: bring, slim, export, check, measure and describe models.

Thin: every command calls one use case, imported when it runs, so that `--help` needs
neither TensorFlow nor pycocotools.
"""

from __future__ import annotations

import enum
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

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

from model.config import COARSEST_STRIDE, PRESETS, Preset
from model.evaluation.cli import app as evaluation_commands
from model.photographs import read_photographs
from model.runtime.backends import BackendName
from model.runtime.errors import WeightsMismatch
from model.runtime.manifest import ModelClass, ModelManifest
from model.runtime.versions import LOCAL_MODELS, ZOO, find_model, versions
from model.slimming.cli import app as slimming_commands
from model.training.cli import app as training_commands

app = typer.Typer(help="Fetch, convert, check and describe models.", no_args_is_help=True)
app.add_typer(evaluation_commands)
app.add_typer(slimming_commands)
app.add_typer(training_commands)
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


def _check_long_side(pixels: int | None) -> int | None:
    if pixels is not None and pixels % COARSEST_STRIDE:
        raise typer.BadParameter(f"{pixels} is not a multiple of {COARSEST_STRIDE}.")
    return pixels


@app.command("import")
def import_checkpoint(
    checkpoint: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="A .pth file.")],
    preset: Annotated[
        PresetName | None, typer.Option(help="The architecture it was trained with.")
    ] = None,
    like: Annotated[
        str | None,
        typer.Option(help="A model with the same architecture and classes: what was slimmed."),
    ] = None,
    classes: Annotated[
        Path | None,
        typer.Option(
            exists=True,
            dir_okay=False,
            help="Class names, one a line, in label order; an id and a tab may precede a name. "
            "[default: COCO's, for a preset with published weights; those of --like]",
        ),
    ] = None,
    name: Annotated[
        str | None, typer.Option(help="The model's name. [default: the checkpoint's]")
    ] = None,
    source: Annotated[
        str | None,
        typer.Option(help="Where the weights come from. [default: the file's name and digest]"),
    ] = None,
    licence: Annotated[
        str, typer.Option(help="Under which the weights may be used.")
    ] = "not stated",
    long_side: Annotated[
        int | None,
        typer.Option(
            min=128,
            max=2048,
            callback=_check_long_side,
            help="Long side that photographs are scaled to, pixels, a multiple of 32: more finds "
            "smaller objects and takes longer, by the square. (default: the preset's)",
        ),
    ] = None,
    proposals: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Regions that the box head looks at: more finds more in crowds and takes longer. "
            "(default: the preset's)",
        ),
    ] = None,
    proposal_overlap: Annotated[
        float | None,
        typer.Option(
            min=0.01,
            max=0.99,
            help="IoU up to which two regions are both looked at: less leaves more of them for "
            "other places, and makes nothing slower. (default: 0.7)",
        ),
    ] = None,
    half: Annotated[bool, typer.Option(help="Keep the weights as float16, half the size.")] = False,
    to: Base = LOCAL_MODELS,
) -> None:
    """Import a torchvision Mask R-CNN that you trained; nothing in the file is executed."""
    import numpy as np

    from model.weights.import_model import import_model

    network, named = _network_of(preset, like, classes)
    if long_side:
        network = network.at_long_side(long_side)
    if proposals:
        network = _with_proposals(network, proposals)
    if proposal_overlap:
        network = replace(network, rpn_nms_thresh=proposal_overlap)
    folder = import_model(
        checkpoint,
        network,
        named,
        to,
        name or checkpoint.stem,
        source=source,
        licence=licence,
        dtype=np.float16 if half else np.float32,
    )
    _imported(folder)


@app.command()
def export(
    model: Model,
    calibration: Annotated[
        Path | None,
        typer.Option(
            exists=True,
            file_okay=False,
            help="Folder of photographs such as the model will see: two thirds calibrate int8, "
            "one third measures parity.",
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
            exists=True, dir_okay=False, help="A photograph to detect whenever the model is loaded."
        ),
    ] = None,
    to: Annotated[
        Path | None,
        typer.Option(help="Folder of models to write to. [default: in place; models/ for a zoo's]"),
    ] = None,
) -> None:
    """Write a model's SavedModel and int8 .tflite, and measure both against the float graph."""
    from model.export.export_model import Artifact, export_model

    chosen: dict[Artifact, bool] = {"saved_model": saved_model, "litert": litert}
    folder = find_model(model)
    base = LOCAL_MODELS if to is None and folder.is_relative_to(ZOO) else to
    target = folder if base is None else base / folder.parent.name / folder.name
    manifest = export_model(
        folder,
        read_photographs(calibration) if calibration else (),
        artifacts=[name for name, wanted in chosen.items() if wanted],
        precision="float32" if float32 else "int8",
        float_layers=float_layers,
        golden=golden,
        to=target,
    )
    console.print(f"Exported to {target}.")
    if manifest.parity:
        console.print(_parity_table(manifest.parity))


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
    console.print(f"{model} ({backend}) against {against or model} ({against_backend}):")
    console.print(_parity_table({backend: asdict(parity)}))


@app.command()
def bench(
    models: Annotated[list[str], typer.Argument(help="Models to measure side by side.")],
    photo: Annotated[Path, typer.Option(exists=True, dir_okay=False, help="What to detect in.")],
    backend: Annotated[BackendName, typer.Option(help="What runs the models.")] = "litert",
    rounds: Annotated[int, typer.Option(min=1, help="Measured rounds, after one of warm-up.")] = 20,
) -> None:
    """Time models on one photograph, in turns, so that a noisy machine is fair to each."""
    from model.benchmark import measure

    table = Table("model", "file", "load", "predict (median)", "to the first", "found", box=None)
    timings = measure([find_model(each) for each in models], photo, backend, rounds)
    for timing in timings:
        table.add_row(
            f"{timing.name}/{timing.version}",
            f"{timing.megabytes:.1f} MB",
            f"{timing.load_ms:.0f} ms",
            f"{timing.predict_ms:.1f} ms",
            f"{timing.predict_ms / timings[0].predict_ms:.2f}×",
            str(timing.found),
        )
    console.print(table)


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


def _parity_table(parity: dict[str, dict[str, Any]]) -> Table:
    table = Table(
        "",
        "photos",
        "found",
        "missed",
        "extra",
        "box px\nmedian, max",
        "score\nmean, max",
        "mask IoU\nmean, min",
        box=None,
    )
    for name, figures in parity.items():
        table.add_row(
            name,
            *(str(figures[key]) for key in ("photographs", "detections", "missed", "extra")),
            f"{figures['box_px_median']:.1f}, {figures['box_px_max']:.1f}",
            f"{figures['score_mean']:.3f}, {figures['score_max']:.3f}",
            f"{figures['mask_iou_mean']:.3f}, {figures['mask_iou_min']:.2f}",
        )
    return table


def _network_of(
    preset: str | None, like: str | None, classes: Path | None
) -> tuple[Preset, tuple[ModelClass, ...]]:
    from model.weights.import_model import read_classes
    from model.weights.version_folder import preset_of

    if (preset is None) == (like is None):
        raise WeightsMismatch("Name the architecture with --preset, or a model of it with --like.")
    if preset:
        return PRESETS[preset], _classes_of(preset, classes)
    manifest = ModelManifest.load(find_model(str(like)))
    return preset_of(manifest), read_classes(classes) if classes else manifest.classes


def _with_proposals(network: Preset, count: int) -> Preset:
    most = network.rpn_pre_nms_top_n
    if count > most:
        raise typer.BadParameter(
            f"{count} is more than the {most} that a level of {network.name}'s pyramid proposes.",
            param_hint="--proposals",
        )
    return replace(network, rpn_post_nms_top_n=count)


def _classes_of(preset: str, path: Path | None) -> tuple[ModelClass, ...]:
    from model.weights.catalogue import CATALOGUE
    from model.weights.import_model import read_classes

    if path:
        return read_classes(path)
    if preset not in CATALOGUE:
        raise WeightsMismatch(
            f"The preset {preset} has no classes of its own; name yours with --classes FILE."
        )
    return CATALOGUE[preset].classes


def _imported(folder: Path) -> None:
    console.print(f"Imported into {folder}.")
    console.print(f"Next: maskdrop model export {folder} --calibration PHOTOS")


def _shortened(classes: tuple[ModelClass, ...]) -> str:
    names = ", ".join(each.name for each in classes[:6])
    return names if len(classes) <= 6 else f"{names}, … ({len(classes)})"
