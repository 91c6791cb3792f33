"""Commands that send photographs to a running service."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn

from handler.cli_options import (
    DEFAULTS,
    OUTPUT_NAMES,
    Classes,
    MaskThreshold,
    MaxDetections,
    ScoreThreshold,
    Tile,
    Token,
    known_outputs,
    make_options,
    read_settings,
    split_names,
)
from handler.errors import BadImage
from handler.outcomes import Outcome, Photo
from handler.photo_files import SUFFIXES, find_photos
from handler.schemas import Options
from handler.terminal import (
    end_with,
    errors,
    print_outcomes,
    say_error,
    say_part,
    with_progress,
)

if TYPE_CHECKING:
    from handler.remote_run import RemoteRun

app = typer.Typer()

Api = Annotated[
    str, typer.Option("--api", metavar="URL", help="Where the service is, as http://host:port.")
]
Out = Annotated[
    Path,
    typer.Option("--out", "-o", metavar="DIR", help="Where results go, a folder per photograph."),
]
Outputs = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAME,NAME...",
        help=f"What to fetch: {', '.join(OUTPUT_NAMES)}. If not given, "
        f"{','.join(DEFAULTS.outputs)}.",
    ),
]


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
    options = _options(score_threshold, max_detections, classes, mask_threshold, outputs, tile)
    from handler.api_client import ApiClient
    from handler.remote_run import RemoteRun

    with ApiClient(api, token=token) as service:
        run = RemoteRun(service, options, out, read_settings().max_image_bytes)
        outcomes = [_upload(run, photo) for photo in find_photos(photos)]
    end_with(print_outcomes(outcomes, out), len(outcomes))


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
    options = _options(score_threshold, max_detections, classes, mask_threshold, outputs, tile)
    from handler.api_client import ApiClient
    from handler.contact_sheet import failures_by_cause, write_contact_sheet
    from handler.remote_run import RemoteRun

    photos = _find(source)
    with ApiClient(api, token=token) as service:
        kept = frozenset[str]() if anew else frozenset(service.model_digests())
        run = RemoteRun(service, options, out, read_settings().max_image_bytes, kept)
        coming = run.detect_all(photos, at_once)
        outcomes = list(with_progress(coming, len(photos), "Detecting"))
    typer.echo(f"{len(outcomes)} photographs: {write_contact_sheet(outcomes, out)}")
    _end_with_causes(failures_by_cause(outcomes), len(outcomes))


@app.command()
def smoke(
    url: Annotated[str, typer.Argument(metavar="URL", help="Where the service is.")],
    photo: Annotated[
        Path, typer.Option(exists=True, dir_okay=False, help="What its model should find.")
    ] = Path("site/samples/astronaut.jpg"),
    token: Token = None,
) -> None:
    """Try a deployed service: one photograph, end to end, every answer checked, then deleted.

    Ends with 1 and the reason where anything is wrong.
    """
    from handler.api_client import ApiClient
    from handler.smoke import smoke_test

    with ApiClient(url, token=token) as service:
        smoke_test(service, photo, say_part)


def _options(
    score_threshold: float,
    max_detections: int,
    classes: list[str] | None,
    mask_threshold: float,
    outputs: list[str] | None,
    tile: bool,
) -> Options:
    return make_options(
        score_threshold=score_threshold,
        max_detections=max_detections,
        classes=split_names(classes) or None,
        mask_threshold=mask_threshold,
        outputs=known_outputs(split_names(outputs) or DEFAULTS.outputs),
        tile=tile,
    )


def _upload(run: RemoteRun, photo: Photo) -> Outcome:
    """Send one photograph, with a bar of its bytes."""
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn())
    with Progress(*columns, console=errors, transient=True, disable=not errors.is_terminal) as bar:
        task = bar.add_task(photo.name, total=None)
        return run.detect(photo, lambda sent, size: bar.update(task, completed=sent, total=size))


def _find(source: str) -> Sequence[Photo]:
    if not source.startswith("s3://"):
        return find_photos([source])
    from handler.photo_objects import find_photo_objects, open_prefix

    settings = read_settings()
    store, prefix = open_prefix(source, settings.region, settings.s3_endpoint)
    photos = find_photo_objects(store, prefix)
    if not photos:
        raise BadImage(f"{source} holds no photograph ({', '.join(SUFFIXES)}).")
    return photos


def _end_with_causes(causes: Mapping[str, Sequence[Outcome]], total: int) -> None:
    """Print how many failed for which cause, then as every command ends."""
    for cause, failed in causes.items():
        say_error(f"{len(failed)} × {cause}")
    end_with(list(chain.from_iterable(causes.values())), total)
