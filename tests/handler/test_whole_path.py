"""From a presigned form to masks in the bucket: S3 server, event, queue, worker, model."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from PIL import Image
from service import make_services, squares
from waiting import dead_letters, wait_for

from handler.bucket.result_store import ResultStore
from handler.jobs.worker import Worker
from handler.local.stack import LocalStack, local_stack
from handler.local.worker import LocalContext
from handler.schemas import FailedManifest, Manifest


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    """The embedded stack with the colour model at work; failed messages come back in a second."""
    folder = tmp_path_factory.mktemp("whole")
    with local_stack(folder, origins=["http://localhost:8080"], visibility_timeout=1) as stack:
        worker = Worker(make_services(store=stack.store).stored, stack.store.bucket)

        def function(event: dict[str, Any], context: LocalContext) -> dict[str, Any]:
            return worker.handle(event, lambda: context.get_remaining_time_in_millis() / 1000)

        with stack.working(function):
            yield stack


def test_a_posted_photograph_gets_its_masks(stack: LocalStack) -> None:
    key = "inbox/red + green é.png"
    form = stack.store.presign_post(key, content_type="image/png", max_bytes=100_000, expires_in=60)
    photo = squares("red", "green")
    assert requests.post(form.url, form.fields, files={"file": photo}, timeout=10).ok
    manifest = wait_for(lambda: ResultStore(stack.store).read_latest(key))
    assert isinstance(manifest, Manifest)
    assert {each.class_name for each in manifest.detections} == {"person", "cat"}
    assert mask(stack, manifest, "instances/000-").size == (128, 96)


def test_a_broken_photograph_gets_an_explanation_and_ends_as_a_dead_letter(
    stack: LocalStack,
) -> None:
    stack.store.put("inbox/broken.jpg", b"no photograph", content_type="image/jpeg")
    manifest = wait_for(lambda: ResultStore(stack.store).read_latest("inbox/broken.jpg"))
    assert isinstance(manifest, FailedManifest)
    assert manifest.failure.type == "urn:maskdrop:problem:unsupported-image"
    [dead] = wait_for(lambda: dead_letters(stack.queue))
    assert "inbox/broken.jpg" in dead


def mask(stack: LocalStack, manifest: Manifest, start: str) -> Image.Image:
    """The picture of the output whose name begins so, fetched by a presigned link."""
    [name] = [each for each in manifest.outputs if each.startswith(start)]
    link = stack.store.presign_get(f"results/{manifest.id}/{name}", expires_in=60)
    return Image.open(io.BytesIO(requests.get(link, timeout=10).content))
