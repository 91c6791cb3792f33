"""`make demo`: photographs on both their ways through the service, told as it happens.

As the site does it: a presigned form, the upload, the detection, the masks.
As a batch does it: files put under inbox/, events, the queue, the worker.
"""

from __future__ import annotations

import time
from pathlib import Path

import typer

from handler.api_client import ApiClient, ApiError
from handler.keys import INBOX
from handler.local_service import LocalService
from handler.outcomes import Outcome
from handler.photo_files import find_photos
from handler.photo_objects import PhotoObject
from handler.remote_run import RemoteRun
from handler.result_folder import write_folder
from handler.results import AnyManifest, Results
from handler.schemas import Manifest, Options
from handler.storage import ObjectStore
from handler.terminal import end_with, print_outcomes

# How long a file in inbox/ may take, seconds.
_PATIENCE_S = 120.0
_BROKEN = "broken.jpg"


def run_demo(service: LocalService, samples: Path, out: Path) -> None:
    """Send sample photographs, one of them cut in half, and fetch results into `out`.

    Ends with 1 when any of the whole ones fails.
    """
    with ApiClient(service.url) as api:
        typer.echo("\nAs the site does it: astronaut.jpg by a presigned POST")
        outcomes = [_upload(api, samples / "astronaut.jpg", out)]
        failed = print_outcomes(outcomes, out)
        typer.echo("\nAs a batch does it: three files put into inbox/, one of them cut in half")
        photos = _fill_inbox(service.stack.store, samples)
        failed += print_outcomes([_await_result(api, each, out) for each in photos], out)
    for each in failed:
        typer.echo(f"{each.photo.path} failed: {each.error}")
    end_with([each for each in failed if each.photo.name != _BROKEN], total=4)


def _upload(api: ApiClient, path: Path, out: Path) -> Outcome:
    [photo] = find_photos([str(path)])
    return RemoteRun(api, Options(), out, max_bytes=path.stat().st_size).detect(photo)


def _fill_inbox(store: ObjectStore, samples: Path) -> list[PhotoObject]:
    bodies = {name: (samples / name).read_bytes() for name in ("chelsea.jpg", "coffee.jpg")}
    bodies[_BROKEN] = bodies["coffee.jpg"][: len(bodies["coffee.jpg"]) // 2]
    for name, body in bodies.items():
        store.put(INBOX + name, body, content_type="image/jpeg")
    return [PhotoObject(store, INBOX + name, Path(name).stem) for name in bodies]


def _await_result(api: ApiClient, photo: PhotoObject, out: Path) -> Outcome:
    manifest = _await_latest(photo)
    if not isinstance(manifest, Manifest):
        failure = manifest.failure
        return Outcome.failed(photo, ApiError(failure.type, failure.detail))
    files = api.read_outputs(api.read(manifest.id or ""))
    return Outcome(photo, write_folder(out / photo.folder, files, lambda _: manifest))


def _await_latest(photo: PhotoObject) -> AnyManifest:
    give_up = time.monotonic() + _PATIENCE_S
    while (manifest := Results(photo.store).read_latest(photo.key)) is None:
        if time.monotonic() > give_up:
            raise ApiError("timeout", f"{photo.path} has no result after {_PATIENCE_S:.0f} s.")
        time.sleep(0.2)
    return manifest
