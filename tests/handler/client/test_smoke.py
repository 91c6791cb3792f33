"""What the smoke test refuses, before a service that answers as a test says."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import httpx2
import pytest
from PIL import Image

from handler.client.api_client import ApiClient, ApiError
from handler.client.smoke import SmokeFailed, check_files, smoke_test
from handler.schemas import Manifest, Options

Files = dict[str, bytes]
Change = Callable[[Files], object]


def png(width: int, height: int, white: int = 0) -> bytes:
    image = Image.new("1", (width, height))
    for x in range(white):
        image.putpixel((x, 0), 1)
    stream = BytesIO()
    image.save(stream, "PNG")
    return stream.getvalue()


@pytest.fixture
def manifest() -> Manifest:
    """One cat of five pixels, in a photograph of 8×6."""
    return Manifest.model_validate(
        {
            "source": {"size": 1, "width": 8, "height": 6, "orientation": 1},
            "model": {"name": "colours", "version": 1, "digest": "0"},
            "options": Options().model_dump(),
            "detections": [
                {
                    "index": 0,
                    "class_id": 17,
                    "class_name": "cat",
                    "score": 0.9,
                    "box": (0, 0, 5, 1),
                    "area": 5,
                    "rle": {"size": (6, 8), "counts": ""},
                    "raw_mask": "",
                }
            ],
            "outputs": ["instances/000-cat.png", "labels.png"],
            "receipt": {"cold": False, "milliseconds": {}, "peak_memory_mb": 1},
        }
    )


@pytest.fixture
def files() -> Files:
    return {"instances/000-cat.png": png(8, 6, white=5), "labels.png": png(8, 6)}


def test_masks_that_are_their_manifests_pass(manifest: Manifest, files: Files) -> None:
    check_files(manifest, files)
    assert manifest.detections[0].area == 5


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda f: f.update({"instances/000-cat.png": png(8, 6, white=4)}), "has 4 px"),
        (lambda f: f.update({"instances/000-cat.png": png(6, 8, white=5)}), "is 6×8 px"),
        (lambda f: f.update({"instances/000-cat.png": b"<Error/>"}), "is no PNG"),
        (lambda f: f.update({"labels.png": png(4, 3)}), "labels.png is 4×3 px"),
        (lambda f: f.pop("labels.png"), "wrote no labels.png"),
        (lambda f: f.pop("instances/000-cat.png"), "1 instances have 0 masks"),
    ],
)
def test_masks_that_are_not_are_named(
    manifest: Manifest, files: Files, change: Change, reason: str
) -> None:
    change(files)
    with pytest.raises(SmokeFailed, match=reason):
        check_files(manifest, files)


def test_a_service_that_is_not_ready_is_sent_nothing(tmp_path: Path) -> None:
    asked: list[str] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        asked.append(request.url.path)
        problem = {"type": "urn:maskdrop:problem:not-ready", "detail": "The model cannot be used."}
        return httpx2.Response(500, json=problem)

    api = ApiClient("http://service", httpx2.MockTransport(answer))
    with pytest.raises(ApiError, match=r"The model cannot be used\."):
        smoke_test(api, tmp_path / "photo.jpg", lambda name, words: None)
    assert asked == ["/readyz"]
