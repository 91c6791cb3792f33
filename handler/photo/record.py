"""What a photograph's bytes say before a decoder sees them, and what they may say at most."""

from __future__ import annotations

from dataclasses import dataclass

from handler.errors import BrokenImage, ImageTooLarge
from handler.photo.formats import ImageType

# EXIF orientations in which the stored rows are the upright picture's columns.
SIDEWAYS = (5, 6, 7, 8)


@dataclass(frozen=True, slots=True)
class ImageLimits:
    """What a photograph may measure, and what its decoding may take.

    50 megapixels are 150 MB of RGB.
    """

    max_bytes: int = 25 * 2**20
    max_pixels: int = 50_000_000
    # WebP's own limit; panoramas of phones are up to 16,000 px long.
    max_side: int = 16_384
    # A scan a coefficient and component is the most that a progressive JPEG has use for;
    # encoders write about 10. Each is a walk over the whole picture, 0.06 s for 50 megapixels.
    max_scans: int = 3 * 64
    # So a large picture may have fewer: as many as make this many walks over the largest one.
    max_scans_of_largest: int = 20
    # A JPEG's segments, 64 KiB each at most: 25 MiB of metadata are 400, and each scan has a few.
    max_segments: int = 10_000
    # Chunks of PNG and WebP, boxes of AVIF and HEIC. 25 MiB in chunks of 512 bytes are 51,000.
    max_chunks: int = 100_000
    # Of processor time, for one decoding; 50 megapixels of the slowest kind take about 5 s.
    max_decoding_s: float = 15.0


@dataclass(frozen=True, slots=True)
class Record:
    """One photograph's header, read in one pass over the file.

    size: the file's bytes.
    picture_size: bytes of what the decoder is given: the file without metadata, later
        frames, padding, and what follows the picture.
    width, height: as stored, pixels.
    orientation: how that is to be turned, as EXIF numbers it, 1 to 8.
    channels: samples a pixel as stored: 1 grey or palette, 2, 3, 4. bits: of each.
    scans: walks over the picture that decoding takes: 1, save for JPEGs.
    parts: segments, chunks or boxes that the file has.
    buffered: bytes that the decoder holds beside the pixels, whatever the scale.
    complete: whether the file goes on to the picture's end.
    """

    type: ImageType
    size: int
    picture_size: int
    width: int
    height: int
    orientation: int = 1
    channels: int = 3
    bits: int = 8
    transparent: bool = False
    animated: bool = False
    scans: int = 1
    parts: int = 1
    buffered: int = 0
    complete: bool = True

    @property
    def stored_size(self) -> tuple[int, int]:
        """Width and height, pixels."""
        return self.width, self.height

    @property
    def upright_size(self) -> tuple[int, int]:
        """Width and height after `orientation`, pixels."""
        if self.orientation in SIDEWAYS:
            return self.height, self.width
        return self.width, self.height

    def broken(self, reason: object) -> BrokenImage:
        """The error for a picture that cannot be decoded."""
        return broken(self.type, self.size, self.complete, reason)


def broken(kind: ImageType, size: int, complete: bool, reason: object) -> BrokenImage:
    """The error for a file of `size` bytes; `complete`: whether it ends where it should."""
    if complete:
        return BrokenImage(f"The {kind} is corrupt: {reason}.")
    return BrokenImage(
        f"The {kind} is truncated: it ends after {size:,} bytes, before its picture does."
    )


def too_long(record: Record, seconds: float) -> ImageTooLarge:
    """The error for a decoding that is past its deadline."""
    return ImageTooLarge(
        f"Decoding the {record.type} of {record.width}×{record.height} px takes more than "
        f"{seconds:g} s of processor time, the most allowed."
    )


def check_parts(kind: ImageType, name: str, count: int, limit: int) -> None:
    """Raise ImageTooLarge for more segments, chunks or boxes than are allowed."""
    if count > limit:
        raise ImageTooLarge(f"The {kind} has more than {limit:,} {name}, the most allowed.")


def check_size(record: Record, limits: ImageLimits) -> None:
    """Raise BrokenImage for no pixels, ImageTooLarge for a size or work past the limits."""
    width, height = record.width, record.height
    if width < 1 or height < 1:
        raise record.broken(f"it says that it is {width}×{height} px")
    if max(width, height) > limits.max_side:
        raise ImageTooLarge(
            f"Image is {width}×{height} px; the longest side allowed is {limits.max_side}."
        )
    if width * height > limits.max_pixels:
        raise ImageTooLarge(
            f"Image is {width}×{height} px, {width * height:,} in all; "
            f"at most {limits.max_pixels:,} are allowed."
        )
    by_pixels = limits.max_scans_of_largest * limits.max_pixels // (width * height)
    max_scans = min(limits.max_scans, max(by_pixels, limits.max_scans_of_largest))
    if record.scans > max_scans:
        raise ImageTooLarge(
            f"The {record.type} has {record.scans:,} scans; "
            f"at most {max_scans} are allowed at {width}×{height} px."
        )
