"""Test a running service end to end with one photograph, as the site sends it.

    ready -> presigned POST -> detection -> masks, held against their manifest -> deletion

`maskdrop doctor --api` takes the same steps, with a finding and a cure for each.
After a failure the upload and its result stay in the bucket; uploads expire.
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

# Called after each step with its name and what was seen.
Say = Callable[[str, str], None]

# What both ask for: masks, and the label map.
OPTIONS = Options(outputs=("instances", "labels"))


class SmokeFailed(MaskdropError):
    """The service answered with something other than its documentation promises."""


def smoke_test(api: ApiClient, photo: Path, say: Say) -> None:
    """Send `photo`; raises a MaskdropError that names the first thing that is wrong."""
    started = time.perf_counter()
    api.check_ready()
    say("Ready", f"{api.url}, its golden image is detected correctly")
    body = photo.read_bytes()
    upload = api.upload(photo.name, body)
    say("Upload", f"{len(body):,} bytes, uploaded to the bucket as {upload.key}")
    report = api.detect(upload.key, OPTIONS)
    manifest = done(report)
    if not manifest.detections:
        raise SmokeFailed(
            f"The service detected nothing in {photo}. Use one with a class that its model knows."
        )
    say("Detect", f"{list_found(manifest)} by {manifest.model.name} {manifest.model.version}")
    files = dict(api.read_outputs(report))
    check_files(manifest, files)
    say("Masks", f"{len(files)} files; sizes and areas match the photograph and the manifest")
    api.delete(report.id, upload.deletion_secret)
    check_gone(api, report.id)
    say(
        "Delete",
        f"the photograph and its results are deleted; {time.perf_counter() - started:.1f} s in all",
    )


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


def check_gone(api: ApiClient, identity: str) -> None:
    """Raise SmokeFailed where a detection that was deleted can still be read."""
    try:
        report = api.read(identity)
    except ApiError as error:
        if error.type.endswith(":result-not-found"):
            return
        raise
    raise SmokeFailed(f"Detection {identity} was deleted and is still {report.state}.")
