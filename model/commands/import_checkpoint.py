"""`maskdrop model import`."""

from __future__ import annotations

import shlex
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from model.commands.options import Base, ImportedName, console
from model.config import COARSEST_STRIDE, KNOWN_PRESETS, Preset
from model.runtime.errors import WeightsMismatch
from model.runtime.manifest import ModelClass, ModelManifest
from model.runtime.versions import LOCAL_MODELS, find_model
from model.weights.families import Channels

app = typer.Typer()


def _check_long_side(pixels: int | None) -> int | None:
    if pixels is not None and pixels % COARSEST_STRIDE:
        raise typer.BadParameter(f"{pixels} is not a multiple of {COARSEST_STRIDE}.")
    return pixels


@app.command("import")
def import_checkpoint(
    checkpoint: Annotated[
        Path,
        typer.Argument(
            exists=True,
            help="PyTorch's .pth, .pt or .ckpt, a .safetensors, Keras's .h5, or Detectron2's .pkl.",
        ),
    ],
    preset: Annotated[
        ImportedName | None, typer.Option(help="The architecture it was trained with.")
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
            "[default: COCO's, except for edge; those of --like]",
        ),
    ] = None,
    config: Annotated[
        Path | None,
        typer.Option(
            exists=True,
            dir_okay=False,
            help="Settings that it was trained with: for matterport's a TOML file with the names "
            "of its Config (IMAGE_MAX_DIM = 1024), for Detectron2's its .yaml. [default: the "
            "preset's; a .yaml of the checkpoint's name beside it]",
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
    anchor_ratios: Annotated[
        str | None,
        typer.Option(
            metavar="RATIO,RATIO...",
            help="Heights over widths of the anchors it was trained with. (default: the preset's)",
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
    """Import a Mask R-CNN that you have; nothing in the file is executed.

    Presets are the architectures: coco-r50 and coco-r50-v2 of torchvision, edge of Maskdrop,
    matterport-r50 and -r101 of matterport/Mask_RCNN (Keras), detectron2-r50 and -r101.
    """
    import numpy as np

    from model.weights.import_model import import_model

    network, named = _network_of(preset, like, classes)
    network, channels, counted = _configured(network, config, checkpoint)
    if counted not in (None, len(named)):
        raise WeightsMismatch(
            f"The configuration has {counted} classes; {len(named)} are named. --classes FILE "
            "names them, one a line."
        )
    if long_side:
        network = network.at_long_side(long_side)
    if proposals:
        network = _with_proposals(network, proposals)
    if proposal_overlap:
        network = replace(network, rpn_nms_thresh=proposal_overlap)
    if anchor_ratios:
        network = replace(network, anchor_ratios=_ratios(anchor_ratios))
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
        channels=channels,
        say=_say,
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
        return KNOWN_PRESETS[preset], _classes_of(preset, classes)
    manifest = ModelManifest.load(find_model(str(like)))
    return preset_of(manifest), read_classes(classes) if classes else manifest.classes


def _say(line: str) -> None:
    console.print(escape(line))


def _configured(
    network: Preset, config: Path | None, checkpoint: Path
) -> tuple[Preset, Channels, int | None]:
    """The network by its configuration, the order of its colours, and the count of classes."""
    if network.family == "detectron2":
        from model.weights.detectron2_config import read_detectron2_config

        beside = checkpoint.parent / f"{checkpoint.stem}.yaml"
        if config or beside.is_file():
            read = read_detectron2_config(config or beside, network, _say)
            return read.preset, "RGB" if read.channels == "RGB" else "BGR", read.num_classes
    elif config and network.family == "matterport":
        from model.weights.matterport_config import read_matterport_config

        return read_matterport_config(config, network), "BGR", None
    elif config:
        raise WeightsMismatch(f"{network.name} has no configuration; --config is of others.")
    return network, "BGR", None


def _with_proposals(network: Preset, count: int) -> Preset:
    most = network.rpn_pre_nms_top_n
    if count > most:
        raise typer.BadParameter(
            f"{count} is more than the {most} that a level of {network.name}'s pyramid proposes.",
            param_hint="--proposals",
        )
    return replace(network, rpn_post_nms_top_n=count)


def _ratios(text: str) -> tuple[float, ...]:
    try:
        ratios = tuple(float(each) for each in text.split(","))
    except ValueError:
        ratios = ()
    if not ratios or not all(0.1 <= each <= 10 for each in ratios):
        raise typer.BadParameter(
            f"{text!r} is not a list of numbers from 0.1 to 10.", param_hint="--anchor-ratios"
        )
    return ratios


def _classes_of(preset: str, path: Path | None) -> tuple[ModelClass, ...]:
    from model.weights.catalogue import CATALOGUE
    from model.weights.class_list import read_classes

    if path:
        return read_classes(path)
    if KNOWN_PRESETS[preset].family != "torchvision":
        # Both know COCO's 80 classes without the gaps in its numbers.
        return tuple(each for each in CATALOGUE["coco-r50"].classes if "N/A" not in each.name)
    if preset not in CATALOGUE:
        raise WeightsMismatch(
            f"The preset {preset} has no classes of its own; name yours with --classes FILE."
        )
    return CATALOGUE[preset].classes


def say_imported(folder: Path) -> None:
    """Name the new version and the command that comes next."""
    console.print(f"Imported into {escape(str(folder))}.", soft_wrap=True)
    # A checkpoint's name may have spaces, and one that begins with a dash is no option.
    named = shlex.quote(str(folder))
    console.print(f"Next: maskdrop model export {named} --calibration PHOTOS", soft_wrap=True)
