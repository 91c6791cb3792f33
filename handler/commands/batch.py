"""`maskdrop batch`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Annotated

import typer

from handler.bucket.keys import SCHEME
from handler.client.outcomes import Outcome, Photo
from handler.client.photo_files import find_photos
from handler.commands.options import (
    DEFAULTS,
    Api,
    Classes,
    MaskThreshold,
    MaxDetections,
    Out,
    Outputs,
    ScoreThreshold,
    Tile,
    Token,
    read_settings,
    remote_options,
)
from handler.commands.terminal import end_with, say_error, with_progress
from handler.errors import BadImage
from handler.photo.formats import SUFFIXES

app = typer.Typer()


@app.command()
def batch(
    source: Annotated[
        str, typer.Argument(metavar="FOLDER|s3://BUCKET/PREFIX", help="Where photographs are.")
    ],
    api: Api,
    token: Token = None,
    out: Out = Path("out"),
    at_once: Annotated[int, typer.Option(min=1, max=64, help="So many photographs at a time.")] = 4,
    anew: Annotated[bool, typer.Option("--anew", help="Do again what is done already.")] = False,
    score_threshold: ScoreThreshold = DEFAULTS.score_threshold,
    max_detections: MaxDetections = DEFAULTS.max_detections,
    classes: Classes = None,
    mask_threshold: MaskThreshold = DEFAULTS.mask_threshold,
    tile: Tile = DEFAULTS.tile,
    outputs: Outputs = None,
) -> None:
    """Send many photographs to a service, several at a time; go on where an earlier run ended.

    Writes contact-sheet.html with all results, and prints failures by cause. Ends with 1 when there
    are any.
    """
    options = remote_options(
        score_threshold, max_detections, classes, mask_threshold, outputs, tile
    )
    from handler.client.api_client import ApiClient
    from handler.client.contact_sheet import failures_by_cause, write_contact_sheet
    from handler.client.detect_by_api import RemoteRun

    photos = _find(source)
    with ApiClient(api, token=token) as service:
        kept = frozenset[str]() if anew else frozenset(service.model_digests())
        run = RemoteRun(service, options, out, read_settings().max_image_bytes, kept)
        coming = run.detect_all(photos, at_once)
        outcomes = list(with_progress(coming, len(photos), "Detecting"))
    typer.echo(f"{len(outcomes)} photographs: {write_contact_sheet(outcomes, out)}")
    _end_with_causes(failures_by_cause(outcomes), len(outcomes))


def _find(source: str) -> Sequence[Photo]:
    if not source.startswith(SCHEME):
        return find_photos([source])
    from handler.client.photo_objects import find_photo_objects
    from handler.wiring import open_url

    store, prefix = open_url(read_settings(), source)
    photos = find_photo_objects(store, prefix)
    if not photos:
        raise BadImage(f"{source} holds no photograph ({', '.join(SUFFIXES)}).")
    return photos


def _end_with_causes(causes: Mapping[str, Sequence[Outcome]], total: int) -> None:
    """Print how many failed for which cause, then as every command ends."""
    for cause, failed in causes.items():
        say_error(f"{len(failed)} × {cause}")
    end_with(list(chain.from_iterable(causes.values())), total)
