"""`maskdrop data`: annotations of other tools as COCO's format."""

from __future__ import annotations

import json
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(help="Read annotations of other tools.", no_args_is_help=True)
commands = typer.Typer()


class Source(StrEnum):
    """Whose annotations are read."""

    LABELSTUDIO = "labelstudio"
    CVAT = "cvat"
    LABELME = "labelme"
    YOLO = "yolo"
    COCO = "coco"


class Split(StrEnum):
    """A part of a YOLO data set."""

    TRAIN = "train"
    VAL = "val"
    TEST = "test"


@commands.command("import")
def import_data(
    source: Annotated[Source, typer.Argument(help="Whose annotations they are.")],
    path: Annotated[
        Path,
        typer.Argument(
            exists=True,
            help="Label Studio's JSON; CVAT's XML 1.1 or COCO; LabelMe's folder; YOLO's data.yaml; "
            "a COCO file, as Roboflow's.",
        ),
    ],
    out: Annotated[
        Path, typer.Option(dir_okay=False, metavar="FILE", help="The COCO file to write.")
    ] = Path("coco.json"),
    images: Annotated[
        Path | None,
        typer.Option(
            exists=True,
            file_okay=False,
            help="Folder of the photographs. [default: images/ beside PATH, or PATH's folder]",
        ),
    ] = None,
    like: Annotated[
        Path | None,
        typer.Option(
            exists=True,
            dir_okay=False,
            metavar="FILE",
            help="A COCO file whose classes keep their ids, as the training set's for validation.",
        ),
    ] = None,
    split: Annotated[Split, typer.Option(help="Part of a YOLO data set.")] = Split.TRAIN,
) -> None:
    """Write a COCO file that `maskdrop model check-data`, `train` and `evaluate` read."""
    from model.data.convert import convert

    done = convert(source.value, path, images, like, split.value)
    out.write_text(json.dumps(done.coco, ensure_ascii=False), encoding="utf-8")
    counts = {part: len(done.coco[part]) for part in ("images", "annotations", "categories")}
    typer.echo(
        f"{out}: {counts['images']:,} photographs, {counts['annotations']:,} objects, "
        f"{counts['categories']:,} classes."
    )
    for words, count in sorted(done.notes.items()):
        typer.echo(f"{count:,} {words}." if words[0].islower() else words)
    typer.echo(f"Check it: maskdrop model check-data {out} --images {done.images}")


# A group, though it has one command so far.
app.add_typer(commands)
