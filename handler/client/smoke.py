"""One photograph through a running service, as the site sends it, and every answer checked.

    ready -> presigned POST -> detection -> masks, held against their manifest -> deletion

What is left in the bucket after a failure is for looking at; uploads expire.
"""

from __future__ import annotations

import io
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
from PIL import Image

from handler.client.api_client import ApiClient, ApiError, done
from handler.client.outcomes import list_found
from handler.errors import MaskdropError
from handler.schemas import Detection, Manifest, Options

# Told of each step when it is through: what it was, and what was seen.
Say = Callable[[str, str], None]

_OPTIONS = Options(outputs=("instances", "labels"))


class SmokeFailed(MaskdropError):
    """The service answered, and not with what it promises."""


def smoke_test(api: ApiClient, photo: Path, say: Say) -> None:
    """Send `photo`; raises a MaskdropError that names the first thing that is wrong."""
    started = time.perf_counter()
    api.check_ready()
    say("Ready", f"{api.url}, its golden image detected right")
    body = photo.read_bytes()
    upload = api.upload(photo.name, body)
    say("Upload", f"{len(body):,} bytes, straight into the bucket as {upload.key}")
    report = api.detect(upload.key, _OPTIONS)
    manifest = done(report)
    if not manifest.detections:
        raise SmokeFailed(
            f"The service found nothing in {photo}; does its model know what it shows?"
        )
    say("Detect", f"{list_found(manifest)} by {manifest.model.name} {manifest.model.version}")
    files = dict(api.read_outputs(report))
    check_files(manifest, files)
    say("Masks", f"{len(files)} files, as large as the photograph and as the manifest has them")
    api.delete(report.id, upload.deletion_secret)
    _check_gone(api, report.id)
    say("Delete", f"photograph and masks are gone; {time.perf_counter() - started:.1f} s in all")


def check_files(manifest: Manifest, files: Mapping[str, bytes]) -> None:
    """Raise SmokeFailed where masks are not those that the manifest describes."""
    masks = sorted(name for name in files if name.startswith("instances/"))
    if len(masks) != len(manifest.detections):
        raise SmokeFailed(f"{len(manifest.detections)} instances have {len(masks)} masks.")
    for name, detection in zip(masks, manifest.detections, strict=True):
        _check_mask(name, files[name], manifest, detection)
    _check_size("labels.png", _read(files, "labels.png"), manifest)


def _check_mask(name: str, png: bytes, manifest: Manifest, detection: Detection) -> None:
    mask = _read({name: png}, name)
    _check_size(name, mask, manifest)
    area = int(np.asarray(mask).sum())
    if area != detection.area:
        raise SmokeFailed(f"{name} has {area:,} px; its manifest says {detection.area:,}.")


def _check_size(name: str, image: Image.Image, manifest: Manifest) -> None:
    width, height = manifest.source.width, manifest.source.height
    if image.size != (width, height):
        got = "×".join(map(str, image.size))
        raise SmokeFailed(f"{name} is {got} px; the photograph is {width}×{height}.")


def _read(files: Mapping[str, bytes], name: str) -> Image.Image:
    try:
        image = Image.open(io.BytesIO(files[name]))
        image.load()
    except KeyError:
        raise SmokeFailed(f"The service wrote no {name}.") from None
    except OSError as error:
        raise SmokeFailed(f"{name} is no PNG: {error}.") from error
    return image


def _check_gone(api: ApiClient, identity: str) -> None:
    try:
        report = api.read(identity)
    except ApiError as error:
        if error.type.endswith(":result-not-found"):
            return
        raise
    raise SmokeFailed(f"Detection {identity} was deleted and is still {report.state}.")
