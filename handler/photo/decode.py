"""Photographs: the header first, then pixels, upright and RGB.

Transparent pixels are shown on white. Of an animation the first frame counts. 16 bits
a channel become 8; CMYK becomes RGB without its colour profile.

A decoding has a deadline, in processor time, so that a busy machine refuses nothing. It
is looked at whenever the decoder asks for more of the file, which for JPEG and PNG is
every 16 KB. WebP and AVIF are decoded by one call: what that takes follows from the
pixels, which have a limit. A process per photograph, which could be killed, would cost an
interpreter's start and memory each time; a HEIC gets one, because its decoder may crash.
"""

from __future__ import annotations

import io
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Lock

import numpy as np
from PIL import AvifImagePlugin, Image, ImageFile, JpegImagePlugin, PngImagePlugin, WebPImagePlugin

from handler.errors import BadImage
from handler.photo.formats import ImageType
from handler.photo.header import read_header
from handler.photo.heic import decode_heic
from handler.photo.memory import bytes_to_decode
from handler.photo.record import SIDEWAYS, ImageLimits, Record, too_long
from handler.photo.upright import Pixels, turn, upright_pixels

__all__ = ["ImageLimits", "Photo", "open_photo"]

Box = tuple[float, float, float, float]

# The plugins are called directly, not through Image.open: it would try every format
# and hold the size against a limit that is global to the process.
_PLUGINS: dict[ImageType, Callable[[io.BytesIO], Image.Image]] = {
    "JPEG": JpegImagePlugin.JpegImageFile,
    "PNG": PngImagePlugin.PngImageFile,
    "WebP": WebPImagePlugin.WebPImageFile,
    "AVIF": AvifImagePlugin.AvifImageFile,
}
# How much of the file a decoder gets at a time. A scan that says "nothing changes" is 60
# bytes long and may take 0.05 s, so a JPEG with more of them than encoders write gets less.
_BLOCK_BYTES, _BLOCK_BYTES_OF_SCANS = 16 * 2**10, 512
_USUAL_SCANS = 20


@dataclass(slots=True)
class Photo:
    """A photograph whose header has been checked; pixels are decoded when asked for.

    picture: what the decoder is given. See `Record` for its other fields.
    """

    record: Record
    picture: bytes = field(repr=False)
    limits: ImageLimits = field(default_factory=ImageLimits, repr=False)
    _full: Pixels | None = field(default=None, repr=False)
    _lock: Lock = field(default_factory=Lock, repr=False)

    @property
    def type(self) -> ImageType:
        """What the file is."""
        return self.record.type

    @property
    def width(self) -> int:
        """Pixels across, upright."""
        return self.record.upright_size[0]

    @property
    def height(self) -> int:
        """Pixels down, upright."""
        return self.record.upright_size[1]

    @property
    def orientation(self) -> int:
        """How the picture is stored, as EXIF numbers it: 1 to 8."""
        return self.record.orientation

    def bytes_to_decode(self, width: int | None = None, height: int | None = None) -> int:
        """Say how much memory `scaled(width, height)` takes at its peak; `full()` without a size.

        Bytes, beside the file's own.
        """
        if width is None or height is None:
            return bytes_to_decode(self.record)
        return bytes_to_decode(self.record, self._stored(width, height))

    def scaled(self, width: int, height: int) -> Pixels:
        """Decode to exactly `width` × `height`, upright: (height, width, 3) RGB.

        A JPEG that is much larger is decoded at 1/2, 1/4 or 1/8 of its scale.
        Raises BrokenImage, or ImageTooLarge where decoding takes too long.
        """
        if self.type != "JPEG":
            return np.asarray(_resize(Image.fromarray(self.full()), (width, height)))
        size = self._stored(width, height)
        image, box = self._decode(at_least=size)
        return np.asarray(turn(_resize(image, size, box), self.orientation))

    def full(self) -> Pixels:
        """Decode at full scale, upright, once: (height, width, 3) RGB, not to be written to.

        Raises BrokenImage, or ImageTooLarge where decoding takes too long.
        """
        with self._lock:
            if self._full is None:
                image, _ = self._decode()
                # A HEIC's decoder has turned it already.
                self._full = upright_pixels(image, 1 if self.type == "HEIC" else self.orientation)
            return self._full

    def _stored(self, width: int, height: int) -> tuple[int, int]:
        return (height, width) if self.orientation in SIDEWAYS else (width, height)

    def _decode(self, at_least: tuple[int, int] | None = None) -> tuple[Image.Image, Box]:
        """Decode to RGB as stored; answer also the box, in the image's pixels, that is photograph.

        Reduced scales round up, so the last column and row may be photograph in part only.
        """
        try:
            image = self._open()
            box = (0.0, 0.0, float(image.width), float(image.height))
            if at_least and (reduced := image.draft(None, at_least)):
                box = reduced[1]
            image.load()
            # Pillow keeps the decoders of WebP and AVIF, and these two canvases, for later frames.
            vars(image).pop("_decoder", None)
            return _to_rgb(image), box
        except (BadImage, MemoryError):
            raise
        # Whatever a decoder raises for bytes that are not what their header promised:
        # OSError, SyntaxError, AssertionError, OverflowError, and what the next release has.
        except Exception as error:
            _check_memory(bytes_to_decode(self.record, at_least))
            raise self.record.broken(error) from None

    def _open(self) -> Image.Image:
        seconds = self.limits.max_decoding_s
        if self.type == "HEIC":
            image = decode_heic(self.picture, self.record, seconds)
        else:
            image = _PLUGINS[self.type](_TimedFile(self.picture, seconds, self.record))
        expected = self.record.upright_size if self.type == "HEIC" else self.record.stored_size
        if image.size != expected:
            shown = "{}×{}".format(*image.size)
            said = "{}×{}".format(*expected)
            raise ValueError(f"its picture is {shown} px, its header says {said}")
        if isinstance(image, ImageFile.ImageFile):
            usual = self.record.scans <= _USUAL_SCANS
            image.decodermaxblock = _BLOCK_BYTES if usual else _BLOCK_BYTES_OF_SCANS
        return image


def open_photo(data: bytes, limits: ImageLimits | None = None) -> Photo:
    """Check a file's type, size and shape without decoding a pixel.

    Raises UnsupportedImage, BrokenImage or ImageTooLarge.
    """
    limits = limits or ImageLimits()
    return Photo(*read_header(data, limits), limits)


class _TimedFile(io.BytesIO):
    """A file that is not read on when decoding has taken too long, by the thread's own time."""

    def __init__(self, data: bytes, seconds: float, record: Record) -> None:
        super().__init__(data)
        self._record = record
        self._seconds = seconds
        self._end = time.thread_time() + seconds

    def read(self, size: int | None = -1) -> bytes:
        if time.thread_time() > self._end:
            raise too_long(self._record, self._seconds)
        return super().read(size)


def _check_memory(needed: int) -> None:
    """Raise MemoryError where a decoder may have failed for want of memory, which it says not."""
    bytearray(needed)


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I"):
        image = _grey_of_16_bits(image)
    if not image.has_transparency_data:
        return image if image.mode == "RGB" else image.convert("RGB")
    transparent = image if image.mode == "RGBA" else image.convert("RGBA")
    shown = Image.new("RGB", image.size, "white")
    shown.paste(transparent, mask=transparent)
    return shown


def _grey_of_16_bits(image: Image.Image) -> Image.Image:
    """Scale to 8 bits, which Pillow would clip; the transparent grey becomes white."""
    values = np.asarray(image)
    grey = (values >> 8).astype(np.uint8)
    if (transparent := image.info.get("transparency")) is not None:
        grey[values == transparent] = 255
    return Image.fromarray(grey)


def _resize(image: Image.Image, size: tuple[int, int], box: Box | None = None) -> Image.Image:
    return image.resize(size, Image.Resampling.BILINEAR, box=box, reducing_gap=3.0)
