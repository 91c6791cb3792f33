"""`maskdrop model train`."""

from __future__ import annotations

import enum
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from model.config import PRESETS
from model.training.recipe import make_recipe
from model.training.story import RECIPE

app = typer.Typer()
console = Console()

PresetName = enum.StrEnum("PresetName", {name: name for name in PRESETS})  # type: ignore[misc]


class Layers(enum.StrEnum):
    """What `--layers` takes."""

    ALL = "all"
    HEADS = "heads"


@app.command()
def train(
    run: Annotated[
        Path, typer.Option(file_okay=False, help="The run's folder. If it has a run, that goes on.")
    ],
    data: Annotated[
        list[Path] | None,
        typer.Option(help="Annotations in COCO's format; repeat it for several sets."),
    ] = None,
    images: Annotated[
        list[Path] | None,
        typer.Option(help="Folder of their photographs, once a set. (default: images/ beside)"),
    ] = None,
    repeat: Annotated[
        str | None,
        typer.Option(
            metavar="TIMES,TIMES...",
            help="How often to see the photographs of each set, in comparison. (default: alike)",
        ),
    ] = None,
    val: Annotated[
        Path | None, typer.Option(help="Annotations to score with; the best weights are kept.")
    ] = None,
    val_images: Annotated[
        Path | None, typer.Option(help="Their photographs. (default: images/ beside)")
    ] = None,
    preset: Annotated[
        PresetName | None, typer.Option(help="What is trained. (default: edge)")
    ] = None,
    classes: Annotated[
        str | None,
        typer.Option(
            metavar="ID,ID...", help="Category ids to learn. (default: all that have objects)"
        ),
    ] = None,
    start: Annotated[
        Path | None,
        typer.Option(
            "--from",
            help="What to begin with: a .pth file of the preset or of torchvision, or a model, by "
            "name or folder, whose classes are taken over by name. "
            "(default: ImageNet weights for edge, fetched COCO weights for the others)",
        ),
    ] = None,
    minutes: Annotated[
        float | None, typer.Option(help="How long, on the clock. (default: 60)")
    ] = None,
    steps: Annotated[
        int | None, typer.Option(help="How long, in steps: the same weights from the same seed.")
    ] = None,
    batch: Annotated[int | None, typer.Option(help="Photographs a step. (default: 4)")] = None,
    lr: Annotated[
        float | None,
        typer.Option(help="Peak learning rate. (default: 3e-4 for edge, 1e-4 for the others)"),
    ] = None,
    cycles: Annotated[
        int | None,
        typer.Option(
            help="How often the learning rate falls; of several, the mean of the weights at "
            "their ends is kept. (default: 1)"
        ),
    ] = None,
    sides: Annotated[
        str | None,
        typer.Option(
            metavar="PIXELS,PIXELS...", help="Long sides to see photographs at. (default: preset's)"
        ),
    ] = None,
    zoom: Annotated[
        str | None,
        typer.Option(
            metavar="OUT,IN",
            help="How far photographs are zoomed out and in. (default: 0.5,1.6)",
        ),
    ] = None,
    stretch: Annotated[
        str | None,
        typer.Option(
            metavar="FACTOR,FACTOR...",
            help="By which factor the widths of each set's photographs may be wrong: where "
            "their true shape is not known. (default: 1)",
        ),
    ] = None,
    mosaic: Annotated[
        float | None,
        typer.Option(help="How often four photographs are shown as one. (default: 0)"),
    ] = None,
    copy_paste: Annotated[
        float | None,
        typer.Option(help="How often a photograph gets objects of others. (default: 0.5)"),
    ] = None,
    anchor_ratios: Annotated[
        str | None,
        typer.Option(
            metavar="RATIO,RATIO...",
            help="Heights over widths of the anchors. (default: those of what it begins with)",
        ),
    ] = None,
    layers: Annotated[
        Layers | None,
        typer.Option(
            help="What is trained: all layers, or the heads with the FPN, whose steps are "
            "cheaper. (default: all)"
        ),
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Of all that is random. (default: 0)")] = None,
    evaluate_every: Annotated[
        float | None,
        typer.Option(help="Minutes, or steps with --steps. (default: a tenth of the run)"),
    ] = None,
    workers: Annotated[
        int | None, typer.Option(help="Processes that read photographs. (default: 1)")
    ] = None,
    config: Annotated[
        Path | None, typer.Option(help="A recipe in TOML; options win over what it says.")
    ] = None,
) -> None:
    """Train Mask R-CNN on photographs with COCO annotations; Ctrl-C stops it with all saved."""
    options: dict[str, Any] = {
        "data": data,
        "images": images,
        "repeat": repeat and repeat.split(","),
        "val": val,
        "val_images": val_images,
        "preset": preset.value if preset else None,
        "classes": classes and classes.split(","),
        "from": start,
        "minutes": minutes,
        "steps": steps,
        "batch": batch,
        "lr": lr,
        "cycles": cycles,
        "sides": sides and sides.split(","),
        "zoom": zoom and zoom.split(","),
        "stretch": stretch and stretch.split(","),
        "mosaic": mosaic,
        "copy_paste": copy_paste,
        "anchor_ratios": anchor_ratios and anchor_ratios.split(","),
        "layers": layers.value if layers else None,
        "seed": seed,
        "evaluate_every": evaluate_every,
        "workers": workers,
    }
    given = {name: value for name, value in options.items() if value not in (None, [])}
    before = run / RECIPE
    recipe = make_recipe(given, config or (before if before.exists() else None))

    from model.training.train import train as train_by

    if ended_by := train_by(recipe, run, console):
        raise typer.Exit(128 + ended_by)
