"""`maskdrop demo`: photographs through the service in both ways, step by step.

As the site does it: a presigned form, the upload, the detection, the masks.
As a batch does it: files put under inbox/, events, the queue, the worker.
"""

from __future__ import annotations

import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated

import typer

from handler.bucket.keys import INBOX
from handler.bucket.result_store import AnyManifest, ResultStore
from handler.client.outcomes import Outcome
from handler.client.photo_files import PhotoFile
from handler.client.photo_names import NamedPhoto, name_photos
from handler.client.result_folder import write_folder
from handler.commands.outcome_lines import lay_out
from handler.commands.terminal import output_width, say_part
from handler.local.bundled import SAMPLES, sample
from handler.schemas import Manifest, Options

if TYPE_CHECKING:
    from handler.bucket.objects import ObjectStore
    from handler.client.api_client import ApiClient
    from handler.local.service import LocalService

app = typer.Typer()

# How long a file in inbox/ may take, seconds.
_PATIENCE_S = 120.0
_PHOTOS = ("astronaut.jpg", "chelsea.jpg", "coffee.jpg")
_BROKEN = "broken.jpg"


@app.command()
def demo(
    samples: Annotated[
        Path,
        typer.Argument(
            metavar="FOLDER",
            help="Folder with astronaut.jpg, chelsea.jpg and coffee.jpg; "
            "by default the ones that come with Maskdrop.",
            show_default=False,
        ),
    ] = SAMPLES,
    out: Annotated[
        Path, typer.Option("--out", "-o", metavar="DIR", help="Folder for the results.")
    ] = Path("out/demo"),
) -> None:
    """Start the service, process sample photographs, and stop. The results are kept."""
    for name in _PHOTOS:
        sample(name, samples)
    from handler.local.process import log_to, reach_loopback_directly
    from handler.local.service import local_service

    log_to(out)
    reach_loopback_directly()
    with TemporaryDirectory() as state:
        with local_service(Path(state), port=0, say=say_part) as service:
            send_samples(service, samples, out)
        typer.echo(f"\nStopped. The results are in {out}/.")


def send_samples(service: LocalService, samples: Path, out: Path) -> None:
    """Send sample photographs, one of them cut in half, and fetch results into `out`.

    Ends with 1 when any of the whole ones fails.
    """
    from handler.client.api_client import ApiClient

    with ApiClient(service.url) as api:
        typer.echo("\nUpload, as the site does it: astronaut.jpg by a presigned POST")
        outcomes = [_upload(api, samples / "astronaut.jpg", out)]
        _print_outcomes(outcomes, out)
        typer.echo("\nBatch: three files put into inbox/, one of them truncated")
        photos = _fill_inbox(service.stack.store, samples)
        more = [_await_result(api, service.stack.store, each, out) for each in photos]
        _print_outcomes(more, out)
    if any(each.manifest is None and each.photo.name != _BROKEN for each in [*outcomes, *more]):
        raise typer.Exit(1)


def _print_outcomes(outcomes: list[Outcome], out: Path) -> None:
    lines = lay_out([each.photo for each in outcomes], out, output_width())
    for each in outcomes:
        if each.manifest:
            typer.echo(lines.line(each, each.manifest))
        else:
            typer.echo(f"{each.photo.path} failed: {each.error}")


def _upload(api: ApiClient, path: Path, out: Path) -> Outcome:
    from handler.client.detect_by_api import RemoteRun

    [photo] = name_photos([PhotoFile(path, path.name)])
    return RemoteRun(api, Options(), out, max_bytes=path.stat().st_size).detect(photo)


def _fill_inbox(store: ObjectStore, samples: Path) -> list[NamedPhoto]:
    from handler.client.photo_objects import PhotoObject

    bodies = {name: (samples / name).read_bytes() for name in ("chelsea.jpg", "coffee.jpg")}
    bodies[_BROKEN] = bodies["coffee.jpg"][: len(bodies["coffee.jpg"]) // 2]
    for name, body in bodies.items():
        store.put(INBOX + name, body, content_type="image/jpeg")
    return name_photos([PhotoObject(store, INBOX + name, name) for name in bodies])


def _await_result(api: ApiClient, store: ObjectStore, photo: NamedPhoto, out: Path) -> Outcome:
    from handler.client.api_client import ApiError

    manifest = _await_latest(store, INBOX + photo.name)
    if not isinstance(manifest, Manifest):
        failure = manifest.failure
        return Outcome.failed(photo, ApiError(failure.type, failure.detail))
    files = api.read_outputs(api.read(manifest.id or ""))
    return Outcome(photo, write_folder(out / photo.folder, files, lambda _: manifest))


def _await_latest(store: ObjectStore, key: str) -> AnyManifest:
    from handler.client.api_client import ApiError

    give_up = time.monotonic() + _PATIENCE_S
    while (manifest := ResultStore(store).read_latest(key)) is None:
        if time.monotonic() > give_up:
            raise ApiError("timeout", f"{key} has no result after {_PATIENCE_S:.0f} s.")
        time.sleep(0.2)
    return manifest
