"""`maskdrop model slim`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from model.runtime.versions import LOCAL_MODELS, find_model
from model.slimming.pruning import Part

if TYPE_CHECKING:
    from model.slimming.slim_model import Extent

app = typer.Typer()
console = Console()


@app.command()
def slim(
    model: Annotated[
        str, typer.Argument(help="A version's folder, or a name, as `mask_rcnn_edge/latest`.")
    ],
    prune: Annotated[
        float | None,
        typer.Option(help="Share of the channels to remove, the least important ones."),
    ] = None,
    part: Annotated[
        list[Part] | None,
        typer.Option(help="Where to remove channels; may be repeated. [default: everywhere]"),
    ] = None,
    rank: Annotated[
        int | None,
        typer.Option(help="Factor the box head's first layer into two, with this rank."),
    ] = None,
    energy: Annotated[
        float | None,
        typer.Option(help="The same, with the rank that keeps this share of its energy."),
    ] = None,
    name: Annotated[
        str | None, typer.Option(help="The new model's name. [default: the model's and -slim]")
    ] = None,
    to: Annotated[Path, typer.Option("--to", help="Folder of your models.")] = LOCAL_MODELS,
) -> None:
    """Make a smaller model: prune channels, factor the box head (truncated SVD)."""
    from model.slimming.slim_model import Slimming, slim_model

    folder = find_model(model)
    slimming = Slimming(prune, tuple(part or Part), rank, energy)
    slimmed = slim_model(folder, slimming, to, name or f"{folder.parent.name}-slim")
    console.print(f"{folder} {slimming}:")
    console.print(_extent_table(slimmed.before, slimmed.after))
    console.print(f"Written to {slimmed.folder}.")
    console.print(f"Next: maskdrop model export {slimmed.folder} --calibration PHOTOS")


def _extent_table(before: Extent, after: Extent) -> Table:
    table = Table("", "before", "after", "", box=None)
    for label, old, new in (
        ("parameters, M", before.parameters / 1e6, after.parameters / 1e6),
        ("weights.npz, MB", before.bytes / 1e6, after.bytes / 1e6),
    ):
        table.add_row(label, f"{old:.2f}", f"{new:.2f}", f"{new / old - 1:+.0%}")
    for name, number in after.numbers.items():
        if number != before.numbers[name]:
            table.add_row(name, _spaced(before.numbers[name]), _spaced(number))
    return table


def _spaced(number: int | tuple[int, ...] | None) -> str:
    return " ".join(map(str, number)) if isinstance(number, tuple) else str(number or "-")
