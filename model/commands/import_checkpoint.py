"""`maskdrop model import`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from model.commands.options import Base, PresetName, console
from model.config import COARSEST_STRIDE, PRESETS, Preset
from model.runtime.errors import WeightsMismatch
from model.runtime.manifest import ModelClass, ModelManifest
from model.runtime.versions import LOCAL_MODELS, find_model

app = typer.Typer()


def _check_long_side(pixels: int | None) -> int | None:
    if pixels is not None and pixels % COARSEST_STRIDE:
        raise typer.BadParameter(f"{pixels} is not a multiple of {COARSEST_STRIDE}.")
    return pixels


@app.command("import")
def import_checkpoint(
    checkpoint: Annotated[Path, typer.Argument(exists=True, help="A .pth file.")],
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
    batch_norm_epsilon: Annotated[
        float | None,
        typer.Option(
            min=0,
            max=0.1,
            help="What BatchNorm added to its variances in training: 1e-5 for a coco-r50 begun "
            "from ImageNet's backbone. [default: what fits the file: 0 for a coco-r50 begun from "
            "torchvision's COCO weights, else the preset's]",
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
        batch_norm_epsilon=batch_norm_epsilon,
        say=lambda line: console.print(escape(line)),
    )
    say_imported(folder)


def _network_of(
    preset: str | None, like: str | None, classes: Path | None
) -> tuple[Preset, tuple[ModelClass, ...]]:
    from model.weights.class_list import read_classes
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
    from model.weights.class_list import read_classes

    if path:
        return read_classes(path)
    if preset not in CATALOGUE:
        raise WeightsMismatch(
            f"The preset {preset} has no classes of its own; name yours with --classes FILE."
        )
    return CATALOGUE[preset].classes


def say_imported(folder: Path) -> None:
    """Name the new version and the command that comes next."""
    console.print(f"Imported into {folder}.")
    console.print(f"Next: maskdrop model export {folder} --calibration PHOTOS")
