"""Photographs: limits first, from the header alone, then pixels, upright and RGB.

Transparent pixels are shown on white. Of an animation the first frame counts. 16 bits
a channel become 8; CMYK becomes RGB without its colour profile.
"""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Lock

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, JpegImagePlugin, PngImagePlugin, WebPImagePlugin

from handler.errors import BrokenImage, ImageTooLarge
from handler.photo.formats import ImageType, declared_size, image_type, is_truncated, png_exif

Pixels = NDArray[np.uint8]

# The plugins are called directly, not through Image.open: it would try every format
# and hold the size against a limit that is global to the process.
_PLUGINS: dict[ImageType, Callable[[io.BytesIO], Image.Image]] = {
    "JPEG": JpegImagePlugin.JpegImageFile,
    "PNG": PngImagePlugin.PngImageFile,
    "WebP": WebPImagePlugin.WebPImageFile,
}

# How an image stored with an EXIF orientation is brought upright.
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
# Orientations in which the stored rows are the upright picture's columns.
_SIDEWAYS = (5, 6, 7, 8)

# What Pillow raises for bytes that are not what their header promised.
_DECODING_ERRORS = (
    OSError,
    SyntaxError,
    ValueError,
    TypeError,
    IndexError,
    KeyError,
    EOFError,
    struct.error,
    zlib.error,
)


@dataclass(frozen=True, slots=True)
class ImageLimits:
    """What a photograph may measure. 50 megapixels are 150 MB of RGB."""

    max_bytes: int = 25 * 2**20
    max_pixels: int = 50_000_000
    # WebP's own limit; panoramas of phones are up to 16,000 px long.
    max_side: int = 16_384


@dataclass(slots=True)
class Photo:
    """A photograph whose header has been checked; pixels are decoded when asked for.

    width, height: upright, after `orientation` (EXIF, 1 to 8), pixels.
    """

    data: bytes
    type: ImageType
    width: int
    height: int
    orientation: int
    _full: Pixels | None = field(default=None, repr=False)
    _lock: Lock = field(default_factory=Lock, repr=False)

    def scaled(self, width: int, height: int) -> Pixels:
        """Decode to exactly `width` × `height`, upright: (height, width, 3) RGB.

        A JPEG that is much larger is decoded at 1/2, 1/4 or 1/8 of its scale.
        Raises BrokenImage.
        """
        if self.type != "JPEG":
            return np.asarray(_resize(Image.fromarray(self.full()), (width, height)))
        sideways = self.orientation in _SIDEWAYS
        size = (height, width) if sideways else (width, height)
        image, box = _decode(self.data, self.type, at_least=size)
        return np.asarray(_upright(_resize(image, size, box), self.orientation))

    def full(self) -> Pixels:
        """Decode at full scale, upright, once: (height, width, 3) RGB, not to be written to.

        Raises BrokenImage.
        """
        with self._lock:
            if self._full is None:
                image, _ = _decode(self.data, self.type)
                self._full = np.asarray(_upright(image, self.orientation))
            return self._full


def open_photo(data: bytes, limits: ImageLimits | None = None) -> Photo:
    """Check a file's type, size and shape without decoding a pixel.

    Raises UnsupportedImage, BrokenImage or ImageTooLarge.
    """
    limits = limits or ImageLimits()
    kind = image_type(data)
    if len(data) > limits.max_bytes:
        raise ImageTooLarge(
            f"The file has {len(data):,} bytes; at most {limits.max_bytes:,} are allowed."
        )
    # Before Pillow opens the file: its WebP decoder allocates the canvas when it does.
    if kind != "JPEG":
        _check_size(*declared_size(data, kind), data, kind, limits)
    header = _open(data, kind)
    _check_size(*header.size, data, kind, limits)
    orientation = _orientation(header, data)
    width, height = header.size
    if orientation in _SIDEWAYS:
        width, height = height, width
    return Photo(data=data, type=kind, width=width, height=height, orientation=orientation)


def _check_size(width: int, height: int, data: bytes, kind: ImageType, limits: ImageLimits) -> None:
    if width < 1 or height < 1:
        raise _broken(data, kind, f"it says that it is {width}×{height} px")
    if max(width, height) > limits.max_side:
        raise ImageTooLarge(
            f"Image is {width}×{height} px; the longest side allowed is {limits.max_side}."
        )
    if width * height > limits.max_pixels:
        raise ImageTooLarge(
            f"Image is {width}×{height} px, {width * height:,} in all; "
            f"at most {limits.max_pixels:,} are allowed."
        )


def _open(data: bytes, kind: ImageType) -> Image.Image:
    try:
        return _PLUGINS[kind](io.BytesIO(data))
    except _DECODING_ERRORS as error:
        raise _broken(data, kind, error) from None


def _decode(
    data: bytes, kind: ImageType, at_least: tuple[int, int] | None = None
) -> tuple[Image.Image, tuple[float, float, float, float]]:
    """Decode to RGB as stored; answer also the box, in the image's pixels, that is photograph.

    Reduced scales round up, so the last column and row may be photograph in part only.
    """
    image = _open(data, kind)
    box = (0.0, 0.0, float(image.width), float(image.height))
    try:
        if at_least and (reduced := image.draft(None, at_least)):
            box = reduced[1]
        return _to_rgb(image), box
    except _DECODING_ERRORS as error:
        raise _broken(data, kind, error) from None


def _to_rgb(image: Image.Image) -> Image.Image:
    image.load()
    if image.mode.startswith("I"):  # 16-bit grey, which Pillow would clip, not scale
        return Image.fromarray((np.asarray(image) >> 8).astype(np.uint8)).convert("RGB")
    if not image.has_transparency_data:
        return image.convert("RGB")
    transparent = image.convert("RGBA")
    shown = Image.new("RGB", image.size, "white")
    shown.paste(transparent, mask=transparent)
    return shown


def _resize(
    image: Image.Image,
    size: tuple[int, int],
    box: tuple[float, float, float, float] | None = None,
) -> Image.Image:
    return image.resize(size, Image.Resampling.BILINEAR, box=box, reducing_gap=3.0)


def _upright(image: Image.Image, orientation: int) -> Image.Image:
    return image.transpose(_UPRIGHT[orientation]) if orientation in _UPRIGHT else image


def _orientation(header: Image.Image, data: bytes) -> int:
    """Read EXIF's orientation; 1 when there is none, or none that makes sense."""
    if header.format == "PNG" and "exif" not in header.info and (exif := png_exif(data)):
        header.info["exif"] = exif
    try:
        # The base class's method: the PNG plugin's own would decode every pixel first,
        # in search of an EXIF chunk after them.
        value = Image.Image.getexif(header).get(ExifTags.Base.Orientation)
    except _DECODING_ERRORS:
        return 1
    return value if value in _UPRIGHT else 1


def _broken(data: bytes, kind: ImageType, reason: object) -> BrokenImage:
    if is_truncated(data, kind):
        return BrokenImage(
            f"The {kind} is truncated: it ends after {len(data):,} bytes, before its picture does."
        )
    return BrokenImage(f"The {kind} is corrupt: {reason}.")
