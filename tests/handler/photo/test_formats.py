"""The table of accepted types holds for every door."""

from typing import get_args

import pytest

from handler.errors import BrokenImage, UnsupportedImage
from handler.photo.formats import FORMATS, SUFFIXES, ImageType, MediaType, image_type, media_type


def box(*brands: bytes) -> bytes:
    body = b"ftyp" + brands[0] + b"\0\0\0\0" + b"".join(brands[1:])
    return (len(body) + 4).to_bytes(4, "big") + body


def test_table_names_every_type_and_media_type() -> None:
    assert tuple(each.type for each in FORMATS) == get_args(ImageType)
    # Browsers call a HEIC image/heif, too.
    assert {*(each.media_type for each in FORMATS), "image/heif"} == set(get_args(MediaType))
    assert len(SUFFIXES) == len(set(SUFFIXES))


@pytest.mark.parametrize(
    ("data", "kind", "media"),
    [
        (b"\xff\xd8\xff\xe0", "JPEG", "image/jpeg"),
        (b"\x89PNG\r\n\x1a\n", "PNG", "image/png"),
        (b"RIFF\0\0\0\0WEBPVP8 ", "WebP", "image/webp"),
        (box(b"avif", b"mif1"), "AVIF", "image/avif"),
        (box(b"avis", b"avif"), "AVIF", "image/avif"),
        (box(b"mif1", b"miaf", b"avif"), "AVIF", "image/avif"),
        (box(b"heic", b"mif1"), "HEIC", "image/heic"),
        (box(b"heix", b"mif1"), "HEIC", "image/heic"),
        (box(b"mif1", b"heic"), "HEIC", "image/heic"),
        (box(b"msf1", b"hevc"), "HEIC", "image/heic"),
    ],
)
def test_type_is_told_by_the_first_bytes(data: bytes, kind: str, media: str) -> None:
    assert (image_type(data), media_type(data)) == (kind, media)


@pytest.mark.parametrize("data", [box(b"mp42", b"avif"), box(b"qt  "), box(b"mif1", b"miaf")])
def test_other_iso_media_are_refused(data: bytes) -> None:
    with pytest.raises(UnsupportedImage, match=r"a video|a HEIF without"):
        image_type(data)


def test_brands_are_looked_for_in_their_box_alone() -> None:
    with pytest.raises(UnsupportedImage):
        image_type(box(b"mif1", b"miaf") + b"avifheic")
    with pytest.raises(BrokenImage):
        image_type(b"")
