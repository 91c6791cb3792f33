"""`maskdrop upload`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn

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
from handler.commands.terminal import end_with, errors, print_outcomes

if TYPE_CHECKING:
    from handler.client.detect_by_api import RemoteRun

app = typer.Typer()


@app.command()
def upload(
    photos: Annotated[
        list[str], typer.Argument(metavar="PHOTO|FOLDER", help="Photographs, and folders of them.")
    ],
    api: Api,
    token: Token = None,
    out: Out = Path("out"),
    score_threshold: ScoreThreshold = DEFAULTS.score_threshold,
    max_detections: MaxDetections = DEFAULTS.max_detections,
    classes: Classes = None,
    mask_threshold: MaskThreshold = DEFAULTS.mask_threshold,
    tile: Tile = DEFAULTS.tile,
    outputs: Outputs = None,
) -> None:
    """Send photographs to a service, wait for their masks and fetch them.

    Results are laid out as those of `maskdrop detect`. Ends with 1 when photographs failed.
    """
    options = remote_options(
        score_threshold, max_detections, classes, mask_threshold, outputs, tile
    )
    from handler.client.api_client import ApiClient
    from handler.client.detect_by_api import RemoteRun

    with ApiClient(api, token=token) as service:
        run = RemoteRun(service, options, out, read_settings().max_image_bytes)
        outcomes = [_upload(run, photo) for photo in find_photos(photos)]
    end_with(print_outcomes(outcomes, out), len(outcomes))


def _upload(run: RemoteRun, photo: Photo) -> Outcome:
    """Send one photograph, with a bar of its bytes."""
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn())
    with Progress(*columns, console=errors, transient=True, disable=not errors.is_terminal) as bar:
        task = bar.add_task(photo.name, total=None)
        return run.detect(photo, lambda sent, size: bar.update(task, completed=sent, total=size))
