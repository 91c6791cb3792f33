"""The photographs that are accepted: the one table of types, media types and file endings.

Types are told by content, never by a name or a header that came with the file.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from handler.errors import BrokenImage, UnsupportedImage

ImageType = Literal["JPEG", "PNG", "WebP", "AVIF", "HEIC"]
# What an upload may declare itself as. Browsers call a HEIC either of the last two.
MediaType = Literal[
    "image/jpeg", "image/png", "image/webp", "image/avif", "image/heic", "image/heif"
]


@dataclass(frozen=True, slots=True)
class Format:
    """An accepted type: what its files are called, and the extra that decodes it, if any."""

    type: ImageType
    media_type: MediaType
    suffixes: tuple[str, ...]
    extra: str | None = None


FORMATS = (
    Format("JPEG", "image/jpeg", (".jpg", ".jpeg")),
    Format("PNG", "image/png", (".png",)),
    Format("WebP", "image/webp", (".webp",)),
    Format("AVIF", "image/avif", (".avif",)),
    Format("HEIC", "image/heic", (".heic", ".heif"), extra="heic"),
)
# The endings by which files of a folder and objects of a bucket are taken for photographs.
SUFFIXES = tuple(suffix for each in FORMATS for suffix in each.suffixes)
# The types as a sentence names them.
NAMES = f"{', '.join(each.type for each in FORMATS[:-1])} or {FORMATS[-1].type}"

_ACCEPTED = f"{NAMES.replace(' or ', ' and ')} are accepted"
_MEDIA_TYPES = {each.type: each.media_type for each in FORMATS}

# Brands of ISO base media files, as they stand in `ftyp`: major first, then compatible ones.
_AVIF_BRANDS = {b"avif", b"avis"}
_HEIC_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs"}
_HEIF_BRANDS = {b"mif1", b"mif2", b"msf1"}

# What people send instead: (offset, bytes found there, what to call it).
_OTHERS = (
    (0, b"GIF8", "a GIF"),
    (0, b"II*\0", "a TIFF"),
    (0, b"MM\0*", "a TIFF"),
    (0, b"%PDF", "a PDF"),
    (0, b"BM", "a BMP"),
    (0, b"PK\x03\x04", "a ZIP archive"),
    (0, b"\x1f\x8b", "a gzip archive"),
    (0, b"\0\0\0\x0cjP  ", "a JPEG 2000"),
    (0, b"\xff\x0a", "a JPEG XL"),
    (0, b"\0\0\0\x0cJXL ", "a JPEG XL"),
    (0, b"8BPS", "a Photoshop file"),
    (4, b"ftypcrx ", "a CR3 raw photograph"),
    (4, b"ftypmif1", "a HEIF without a HEVC or AV1 picture"),
    (4, b"ftypmif2", "a HEIF without a HEVC or AV1 picture"),
    (4, b"ftyp", "a video"),
    (0, b"\x1aE\xdf\xa3", "a video"),
)


def image_type(data: bytes) -> ImageType:
    """Recognise an accepted image by its first bytes.

    Raises BrokenImage for no bytes at all, UnsupportedImage for anything else, naming
    what it is where that is known.
    """
    if not data:
        raise BrokenImage("The file is empty; a photograph is expected.")
    if data.startswith(b"\xff\xd8\xff"):
        return "JPEG"
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "PNG"
    if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        return "WebP"
    if data[4:8] == b"ftyp" and (found := _by_brand(data)):
        return found
    raise UnsupportedImage(f"This is {_name_of(data)}; {_ACCEPTED}.")


def media_type(data: bytes) -> MediaType:
    """Name an accepted image's media type; raises as `image_type` does."""
    return _MEDIA_TYPES[image_type(data)]


def _by_brand(data: bytes) -> ImageType | None:
    length = min(int.from_bytes(data[:4], "big"), 256)
    major = data[8:12]
    brands = [data[at : at + 4] for at in range(16, length - 3, 4)] if major in _HEIF_BRANDS else []
    for brand in (major, *brands):
        if brand in _AVIF_BRANDS:
            return "AVIF"
        if brand in _HEIC_BRANDS:
            return "HEIC"
    return None


def _name_of(data: bytes) -> str:
    for offset, magic, name in _OTHERS:
        if data.startswith(magic, offset):
            return name
    if b"<svg" in data[:1024]:
        return "an SVG"
    return "text" if _is_text(data[:1024]) else "not an image that is known"


def _is_text(start: bytes) -> bool:
    # A cut may split the last character: up to three bytes of it are let go.
    for end in range(len(start), max(len(start) - 4, 0), -1):
        try:
            return start[:end].decode("utf-8").replace("\n", "").replace("\t", "").isprintable()
        except UnicodeDecodeError:
            continue
    return False
