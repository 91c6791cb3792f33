"""One rule: JPEG, PNG and WebP are turned by their EXIF block, AVIF and HEIC by their container.

Every picture is held against Pillow's full decoding, turned by ImageOps.exif_transpose; a
HEIC, which Pillow does not read, against the picture that it was made of.
"""

import io
import re
import struct
import zlib
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps

from handler.photo.decode import open_photo

SHAPES = {"wide": (64, 48), "tall": (48, 64), "square": (64, 64)}
HEIC = Path(__file__).parent / "heic"
ORIENTATIONS = range(1, 9)
ORIENTATION_TAG = 0x0112
# At 8 times the size, an eighth of it is still above what is asked for: JPEGs are decoded so.
REDUCED = 8
OPTIONS = {
    "JPEG": {"quality": 95, "subsampling": 0},
    "PNG": {"compress_level": 1},
    "WebP": {"quality": 95, "method": 0},
    "AVIF": {"quality": 95, "speed": 10, "subsampling": "4:4:4"},
}


@cache
def picture(width: int, height: int) -> Image.Image:
    """Four quarters, each of another colour and slope, so that every turn shows."""
    y, x = np.mgrid[0:height, 0:width] / [[[height]], [[width]]]
    pixels = np.stack([200 * x, 200 * y, 100 * (x < 0.5) + 100 * (y < 0.3)], -1)
    return Image.fromarray(pixels.astype(np.uint8))


def exif(orientation: int) -> Image.Exif:
    block = Image.Exif()
    block[ORIENTATION_TAG] = orientation
    return block


def encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **OPTIONS[kind], **options)
    return file.getvalue()


def difference(pixels: np.ndarray, image: Image.Image) -> float:
    """Mean difference of a decoded picture and the right one, in steps of 255."""
    assert pixels.shape == (image.height, image.width, 3)
    return float(np.abs(pixels.astype(int) - np.asarray(image.convert("RGB"))).mean())


@pytest.mark.parametrize("times", [1, REDUCED])
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("orientation", ORIENTATIONS)
@pytest.mark.parametrize("kind", OPTIONS)
def test_picture_is_upright_at_every_scale(
    kind: str, orientation: int, shape: str, times: int
) -> None:
    stored = picture(*(side * times for side in SHAPES[shape]))
    data = encoded(stored, kind, exif=exif(orientation))
    with Image.open(io.BytesIO(data)) as image:
        right = ImageOps.exif_transpose(image)

    photo = open_photo(data)
    assert (photo.orientation, photo.width, photo.height) == (orientation, *right.size)
    assert difference(photo.full(), right) < 0.01
    size = (right.width // times // 2, right.height // times // 2)
    assert difference(photo.scaled(*size), right.resize(size, Image.Resampling.BILINEAR)) < 2.5


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_heic_is_upright_and_turned_once(orientation: int, shape: str) -> None:
    pytest.importorskip("pi_heif")
    width, height = SHAPES[shape]
    pixels = np.full((height, width, 3), 20, np.uint8)
    pixels[: height // 2, : width // 2] = (230, 120, 40)
    right = Image.fromarray(pixels)

    photo = open_photo((HEIC / f"{shape}_{orientation}.heic").read_bytes())
    assert (photo.orientation, photo.width, photo.height) == (orientation, width, height)
    assert difference(photo.full(), right) < 3
    half = (width // 2, height // 2)
    assert difference(photo.scaled(*half), right.resize(half)) < 4


def test_exif_of_a_heic_turns_nothing_by_itself() -> None:
    pytest.importorskip("pi_heif")
    data = (HEIC / "wide_6.heic").read_bytes()
    assert data.count(b"irot\x03") == 1
    photo = open_photo(data.replace(b"irot\x03", b"irot\x00"))
    assert (photo.orientation, photo.width, photo.height) == (1, 48, 64)
    assert photo.full().shape == (64, 48, 3)


XMP = b"""<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF
 xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description
 xmlns:tiff="http://ns.adobe.com/tiff/1.0/" tiff:Orientation="6"/></rdf:RDF></x:xmpmeta>"""


@pytest.mark.parametrize("kind", ["JPEG", "WebP", "AVIF"])
def test_xmp_turns_nothing(kind: str) -> None:
    data = encoded(picture(64, 48), kind, xmp=XMP)
    assert b"tiff:Orientation" in data
    assert open_photo(data).orientation == 1


def png_with(name: bytes, body: bytes, data: bytes | None = None, sound: bool = True) -> bytes:
    """A PNG with one more chunk, before its pixels."""
    data = data or encoded(picture(64, 48), "PNG")
    crc = zlib.crc32(name + body) ^ (not sound)
    chunk = struct.pack(">I", len(body)) + name + body + struct.pack(">I", crc)
    at = data.index(b"IDAT") - 4
    return data[:at] + chunk + data[at:]


@pytest.mark.parametrize(
    ("name", "body"),
    [
        (b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + XMP),
        (b"tEXt", b"Raw profile type exif\0\nexif\n      26\n" + exif(6).tobytes().hex().encode()),
    ],
)
def test_text_of_a_png_turns_nothing(name: bytes, body: bytes) -> None:
    assert open_photo(png_with(name, body)).orientation == 1


def test_exif_with_a_wrong_checksum_turns_nothing() -> None:
    block = exif(6).tobytes().removeprefix(b"Exif\0\0")
    assert open_photo(png_with(b"eXIf", block)).orientation == 6
    assert open_photo(png_with(b"eXIf", block, sound=False)).orientation == 1


def tiff(order: str, *entries: tuple[int, int, int, int]) -> bytes:
    """An EXIF block of entries: tag, type, count, value."""
    mark = b"II" if order == "<" else b"MM"
    body = b"".join(struct.pack(f"{order}HHIHxx", *each) for each in entries)
    return mark + struct.pack(f"{order}HIH", 42, 8, len(entries)) + body


@pytest.mark.parametrize(
    ("block", "orientation"),
    [
        (tiff("<", (ORIENTATION_TAG, 3, 1, 6)), 6),
        (tiff(">", (ORIENTATION_TAG, 3, 1, 8)), 8),
        (tiff("<", (0x0100, 3, 1, 6), (ORIENTATION_TAG, 3, 1, 3)), 3),
        (tiff("<", (ORIENTATION_TAG, 3, 1, 6), (ORIENTATION_TAG, 3, 1, 3)), 6),
        (tiff("<", (ORIENTATION_TAG, 3, 1, 0)), 1),
        (tiff("<", (ORIENTATION_TAG, 3, 1, 9)), 1),
        (tiff("<", (ORIENTATION_TAG, 4, 1, 6)), 1),
        (tiff("<", (ORIENTATION_TAG, 3, 2, 6)), 1),
        (tiff("<", (ORIENTATION_TAG, 3, 1, 6))[:-6], 1),
        (tiff("<")[:4] + b"\xff\xff\xff\xff", 1),
        (b"II*\0", 1),
        (b"nonsense", 1),
        (b"", 1),
    ],
)
def test_exif_is_read_as_browsers_read_it(block: bytes, orientation: int) -> None:
    segment = b"Exif\0\0" + block
    plain = encoded(picture(64, 48), "JPEG")
    app1 = b"\xff\xe1" + struct.pack(">H", len(segment) + 2) + segment
    assert open_photo(plain[:2] + app1 + plain[2:]).orientation == orientation


def test_first_exif_block_of_a_jpeg_counts() -> None:
    data = encoded(picture(64, 48), "JPEG", exif=exif(6))
    segment = b"Exif\0\0" + tiff("<", (ORIENTATION_TAG, 3, 1, 3))
    app1 = b"\xff\xe1" + struct.pack(">H", len(segment) + 2) + segment
    first = re.search(rb"\xff\xe1..Exif", data, re.DOTALL)
    assert first is not None
    assert open_photo(data[: first.start()] + app1 + data[first.start() :]).orientation == 3
