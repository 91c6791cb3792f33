"""A photograph stored turned, cut out by the page and by the service."""

from __future__ import annotations

import io
from base64 import b64decode
from collections.abc import Iterator
from typing import Any

import numpy as np
import requests
from numpy.typing import NDArray
from painting import painted
from PIL import Image
from site_stack import SiteStack

Pixels = NDArray[np.uint8]

SHAPES = {"square": (128, 128), "landscape": (128, 96), "portrait": (96, 128)}
# The stage decodes at a reduced scale from 4,096 pixels on, the service far below that.
LARGE = {"square": (4160, 4160), "landscape": (4160, 640), "portrait": (640, 4160)}
KINDS = ["JPEG", "PNG", "WebP"]
STORED = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}
# Two decoders of one JPEG differ by a few of 256 levels where colours meet.
LEVELS = 6

_CUT = """async ([id, api]) => {
  const [{ createApi }, { loadResult }, { createDownloads }, { thumbnailOf }] = await Promise.all(
    ["api", "results", "downloads", "photos"].map((name) => import(`/js/${name}.js`)));
  const result = await loadResult(createApi({ api }), await createApi({ api }).readDetection(id));
  const files = createDownloads(result, result.instances, result.detected);
  const cutout = await files.cutout(result.instances[0]);
  const [url, thumbnail] = await Promise.all([
    new Response(cutout.blob).bytes().then((bytes) => bytes.toBase64?.() ??
      btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""))),
    thumbnailOf(result.blob),
  ]);
  const stage = new OffscreenCanvas(result.photo.width, result.photo.height);
  const context = stage.getContext("2d", { willReadFrequently: true });
  context.drawImage(result.photo, 0, 0);
  const { width, height } = result.photo;
  const at = (x, y) => [...context.getImageData(x * width, y * height, 1, 1).data];
  return { cutout: url, thumbnail: thumbnail.split(",")[1], width, height,
    corners: [at(0.3, 0.3), at(0.8, 0.2), at(0.8, 0.85), at(0.2, 0.85)] };
}"""


def compare(page: Any, site: SiteStack, kind: str, size: tuple[int, int], orientation: int) -> None:
    """Detect a photograph that is stored turned; compare cut-out, stage and thumbnail."""
    upright = scene(*size)
    where = f"{kind} {size} orientation {orientation}"
    report = detect(site, stored(upright, kind, orientation), kind)
    assert (report["manifest"]["source"]["width"], report["manifest"]["source"]["height"]) == size
    shown = page.evaluate(_CUT, [report["id"], site.api_url])
    links = report["links"]
    (theirs,) = (links[name] for name in links if name.startswith("cutouts/"))
    expected = image(requests.get(theirs, timeout=30).content)
    found = image(b64decode(shown["cutout"]))
    assert found.shape == expected.shape, where
    assert np.array_equal(found[..., 3] > 0, expected[..., 3] > 0), where
    inside = found[..., 3] == 255
    assert inside.mean() > 0.5, where
    difference = np.abs(found[inside].astype(int) - expected[inside])
    assert difference.max() <= LEVELS, where
    assert np.isclose(shown["width"] / shown["height"], size[0] / size[1], rtol=0.01), where
    for at, corner in zip(_corners(upright), shown["corners"], strict=True):
        assert np.abs(at.astype(int) - corner[:3]).max() <= 4 * LEVELS, where
    thumbnail = image(b64decode(shown["thumbnail"]))
    for at, small in zip(_corners(upright), _corners(thumbnail), strict=True):
        assert np.abs(at.astype(int) - small).max() <= 4 * LEVELS, where


def scene(width: int, height: int) -> Pixels:
    """A red person with a darker head end, and a shade of grey per quarter of the frame."""
    left, top, right, bottom = (
        round(each * side)
        for each, side in zip((0.15, 0.2, 0.55, 0.6), (width, height, width, height), strict=True)
    )
    pixels = painted(width, height)
    pixels[: height // 2, width // 2 :] = 140
    pixels[height // 2 :, width // 2 :] = 60
    pixels[height // 2 :, : width // 2] = 30
    red = painted(width, height, red=(left, top, right, bottom))[top:bottom, left:right].copy()
    red[: (bottom - top) // 3, : (right - left) // 2] = (200, 45, 40)
    pixels[top:bottom, left:right] = red
    return pixels


def stored(upright: Pixels, kind: str, orientation: int) -> bytes:
    """As a camera that was held so stores it."""
    picture = Image.fromarray(upright)
    if orientation in STORED:
        picture = picture.transpose(STORED[orientation])
    exif = Image.Exif()
    exif[0x0112] = orientation
    file = io.BytesIO()
    options = {"subsampling": 0} if kind == "JPEG" else {}
    picture.save(file, kind, quality=95, exif=exif, **options)
    return file.getvalue()


def detect(site: SiteStack, data: bytes, kind: str) -> dict[str, Any]:
    name = f"{np.random.default_rng().integers(1 << 62):032x}"
    key = f"uploads/{name}/photo.{kind.lower()}"
    site.stack.store.put(key, data, content_type=f"image/{kind.lower()}")
    answer = requests.post(
        f"{site.api_url}v1/detections",
        json={"key": key, "options": {"outputs": ["cutouts"]}},
        timeout=60,
    )
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


def image(data: bytes) -> Pixels:
    return np.asarray(Image.open(io.BytesIO(data)))


def _corners(pixels: Pixels) -> Iterator[Pixels]:
    height, width = pixels.shape[:2]
    for x, y in [(0.3, 0.3), (0.8, 0.2), (0.8, 0.85), (0.2, 0.85)]:
        yield pixels[int(y * height), int(x * width), :3]
