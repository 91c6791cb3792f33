"""Photographs made to harm: small files that ask for much, parts without end, lies, damage.

Run as a script it opens and decodes each in this one process and prints a JSON line for it:
name, what came of it, seconds of processor time, the peak of memory above the start, and
what `bytes_to_decode` had announced.
"""

from __future__ import annotations

import gc
import io
import json
import struct
import sys
import time
import zlib
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

MIB = 2**20
# Just below the limits on bytes and pixels.
MAX_BYTES = 25 * MIB
WIDE = (16_383, 3_051)
PNG = b"\x89PNG\r\n\x1a\n"

HOSTILE: dict[str, Callable[[], bytes]] = {}


def hostile(make: Callable[[], bytes]) -> Callable[[], bytes]:
    """Add a file to the list, under the name of what makes it."""
    HOSTILE[make.__name__] = make
    return make


def encoded(
    kind: str, size: tuple[int, int] = (64, 48), mode: str = "RGB", **options: Any
) -> bytes:
    """A dark picture with a bright quarter."""
    image = Image.new(mode, size)
    image.paste("red" if mode != "L" else 200, (0, 0, size[0] // 2, size[1] // 2))
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def padded(start: bytes, unit: bytes, end: bytes, size: int = MAX_BYTES) -> bytes:
    """`unit` over and over between start and end, up to a size."""
    return start + unit * ((size - len(start) - len(end)) // len(unit)) + end


# ---- JPEG ----------------------------------------------------------------------------------------


def segment(code: int, body: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, code, len(body) + 2) + body


def jpeg_of_scans(size: tuple[int, int], count: int) -> bytes:
    """A grey progressive JPEG whose scans after the first refine what is zero: 12 bytes each."""
    frame = segment(0xC2, struct.pack(">BHHB", 8, size[1], size[0], 1) + b"\1\x11\0")
    blocks = -(-size[0] // 8) * -(-size[1] // 8)
    tables = segment(0xDB, b"\0" + b"\1" * 64)
    # One code each: DC difference 0; AC "32767 blocks end here".
    tables += segment(0xC4, b"\0\1" + bytes(15) + b"\0") + segment(
        0xC4, b"\x10\1" + bytes(15) + b"\xe0"
    )
    first = segment(0xDA, b"\1\1\0\0\0\0") + bytes(-(-blocks // 8))
    runs = "".join("0" + "1" * 14 for _ in range(-(-blocks // 32767)))
    runs += "1" * (-len(runs) % 8)
    body = int(runs, 2).to_bytes(len(runs) // 8, "big").replace(b"\xff", b"\xff\0")
    ac = segment(0xDA, b"\1\1\0\1\x3f\1") + body
    refining = segment(0xDA, b"\1\1\0\1\x3f\x10") + body
    return b"\xff\xd8" + tables + frame + first + ac + refining * (count - 2) + b"\xff\xd9"


@hostile
def jpeg_thousands_of_scans() -> bytes:
    return jpeg_of_scans((8000, 6000), 8000)


@hostile
def jpeg_as_many_scans_as_allowed() -> bytes:
    return jpeg_of_scans((8160, 6120), 20)


@hostile
def jpeg_of_too_many_scans_for_its_size() -> bytes:
    return jpeg_of_scans((8160, 6120), 190)


@hostile
def jpeg_small_with_many_scans() -> bytes:
    return jpeg_of_scans((2000, 1500), 190)


@hostile
def jpeg_fill_bytes() -> bytes:
    whole = encoded("JPEG")
    return padded(whole[:2], b"\xff", whole[2:])


@hostile
def jpeg_fill_bytes_in_a_scan() -> bytes:
    whole = encoded("JPEG")
    return padded(whole[:-2], b"\xff", whole[-2:])


@hostile
def jpeg_comments() -> bytes:
    whole = encoded("JPEG")
    return padded(whole[:2], b"\xff\xfe\0\2", whole[2:])


@hostile
def jpeg_tables() -> bytes:
    whole = encoded("JPEG")
    return whole[:2] + segment(0xDD, b"\0\0") * 99_000 + whole[2:]


@hostile
def jpeg_as_many_segments_as_allowed() -> bytes:
    whole = encoded("JPEG")
    return whole[:2] + segment(0xDD, b"\0\0") * 9_900 + whole[2:]


@hostile
def jpeg_restart_markers() -> bytes:
    whole = encoded("JPEG")
    return padded(whole[:-2], b"\xff\xd0", whole[-2:])


@hostile
def jpeg_stuffing_in_a_scan() -> bytes:
    whole = encoded("JPEG")
    return padded(whole[:-2], b"\xff\0", whole[-2:])


@hostile
def jpeg_exif_of_65535_entries_in_each_of_400() -> bytes:
    block = b"Exif\0\0II*\0\x08\0\0\0\xff\xff"
    return padded((w := encoded("JPEG"))[:2], segment(0xE1, block.ljust(65_000, b"\1")), w[2:])


@hostile
def jpeg_of_12_bits() -> bytes:
    return encoded("JPEG").replace(b"\xff\xc0\0\x11\x08", b"\xff\xc0\0\x11\x0c")


@hostile
def jpeg_that_is_two_pictures() -> bytes:
    return encoded("JPEG") + encoded("JPEG", (4000, 3000))


@hostile
def jpeg_that_is_a_zip_too() -> bytes:
    return padded(encoded("JPEG"), b"PK\3\4", b"PK\5\6" + bytes(18))


@hostile
def jpeg_that_is_html_too() -> bytes:
    whole = encoded("JPEG")
    return whole[:2] + segment(0xFE, b"<script>alert(1)</script>") + whole[2:]


@hostile
def jpeg_of_50_megapixels_in_few_bytes() -> bytes:
    return jpeg_of_scans((8160, 6120), 2)


@hostile
def jpeg_says_65535_a_side() -> bytes:
    whole = encoded("JPEG", (640, 480))
    return whole.replace(struct.pack(">HH", 480, 640), b"\xff\xff\xff\xff", 1)


@hostile
def jpeg_without_tables() -> bytes:
    frame = segment(0xC0, struct.pack(">BHHB", 8, 48, 64, 1) + b"\1\x11\0")
    return b"\xff\xd8" + frame + segment(0xDA, b"\1\1\0\0\x3f\0") + bytes(100) + b"\xff\xd9"


@hostile
def jpeg_of_four_channels() -> bytes:
    return encoded("JPEG", mode="CMYK")


# ---- PNG -----------------------------------------------------------------------------------------


def chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def header(width: int, height: int, bits: int = 8, colour: int = 2, interlace: int = 0) -> bytes:
    return chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, interlace))


def png(*parts: bytes) -> bytes:
    return PNG + b"".join(parts) + chunk(b"IEND", b"")


@cache
def zeros(count: int) -> bytes:
    """zlib's stream of so many zeros, made piece by piece."""
    packer = zlib.compressobj(1)
    pieces = [packer.compress(bytes(MIB)) for _ in range(count // MIB)]
    return b"".join([*pieces, packer.compress(bytes(count % MIB)), packer.flush()])


def with_chunk(name: bytes, body: bytes) -> bytes:
    """A whole PNG with one chunk more before its pixels."""
    whole = encoded("PNG")
    at = whole.index(b"IDAT") - 4
    return whole[:at] + chunk(name, body) + whole[at:]


@hostile
def png_of_50_megapixels_in_few_bytes() -> bytes:
    return png(header(8160, 6120), chunk(b"IDAT", zeros(6120 * (8160 * 3 + 1))))


@hostile
def png_interlaced_of_50_megapixels() -> bytes:
    rows = zeros(6120 * (8160 * 3 + 1) * 2)
    return png(header(8160, 6120, interlace=1), chunk(b"IDAT", rows))


@hostile
def png_of_16_bits_and_four_channels() -> bytes:
    return png(header(8160, 6120, 16, 6), chunk(b"IDAT", zeros(6120 * (8160 * 8 + 1))))


@hostile
def png_whose_pixels_do_not_end() -> bytes:
    return png(header(64, 48), chunk(b"IDAT", zeros(300 * MIB)))


@hostile
def png_chunks() -> bytes:
    return padded(PNG + header(64, 48), chunk(b"teSt", b""), chunk(b"IEND", b""))


@hostile
def png_as_many_chunks_as_allowed() -> bytes:
    pixels = zlib.compress(bytes(48 * (64 * 3 + 1)), 0)
    each = [chunk(b"IDAT", pixels[at : at + 1]) for at in range(len(pixels))]
    return png(header(64, 48), chunk(b"tIME", bytes(7)) * (99_000 - len(each)), *each)


@hostile
def png_text_bomb() -> bytes:
    return with_chunk(b"zTXt", b"Comment\0\0" + zeros(300 * MIB))


@hostile
def png_text_bombs() -> bytes:
    bomb = chunk(b"zTXt", b"Comment\0\0" + zeros(100 * MIB))
    whole = encoded("PNG")
    return padded(whole[:33], bomb, whole[33:])


@hostile
def png_profile_bomb() -> bytes:
    return with_chunk(b"iCCP", b"icc\0\0" + zeros(300 * MIB))


@hostile
def png_international_text_bomb() -> bytes:
    return with_chunk(b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + zeros(300 * MIB))


@hostile
def png_palette_without_plte() -> bytes:
    return png(header(8, 8, 8, 3), chunk(b"IDAT", zlib.compress(bytes(72))))


@hostile
def png_palette_of_two_bytes() -> bytes:
    pixels = chunk(b"IDAT", zlib.compress(bytes(72)))
    return png(header(8, 8, 8, 3), chunk(b"PLTE", b"\0\0"), pixels)


@hostile
def png_index_past_its_palette() -> bytes:
    pixels = chunk(b"IDAT", zlib.compress(b"\0\xff\xff\xff\xff\xff\xff\xff\xff" * 8))
    return png(header(8, 8, 8, 3), chunk(b"PLTE", b"\1\2\3"), chunk(b"tRNS", bytes(999)), pixels)


@hostile
def png_of_zero_pixels() -> bytes:
    return png(header(0, 48), chunk(b"IDAT", zlib.compress(b"")))


@hostile
def png_of_four_thousand_million_a_side() -> bytes:
    return png(header(2**32 - 1, 2**32 - 1), chunk(b"IDAT", zlib.compress(b"")))


@hostile
def png_of_an_impossible_kind() -> bytes:
    return png(header(8, 8, 3, 5), chunk(b"IDAT", zlib.compress(bytes(72))))


@hostile
def png_chunk_longer_than_the_file() -> bytes:
    return PNG + header(64, 48) + b"\xff\xff\xff\xffIDAT" + bytes(100)


@hostile
def png_without_pixels() -> bytes:
    return png(header(64, 48))


@hostile
def png_of_a_thousand_frames() -> bytes:
    whole = encoded("PNG")
    frames = b"".join(
        chunk(b"fcTL", struct.pack(">IIIIIHHBB", n, 64, 48, 0, 0, 1, 10, 0, 0))
        + chunk(b"fdAT", struct.pack(">I", n) + bytes(20))
        for n in range(1000)
    )
    return (
        whole[:33]
        + chunk(b"acTL", struct.pack(">II", 1000, 0))
        + whole[33:-12]
        + frames
        + whole[-12:]
    )


@hostile
def png_that_is_a_zip_too() -> bytes:
    return padded(encoded("PNG"), b"PK\3\4", b"PK\5\6" + bytes(18))


# ---- WebP ----------------------------------------------------------------------------------------


def riff(*chunks: tuple[bytes, bytes]) -> bytes:
    parts = (
        struct.pack("<4sI", name, len(body)) + body + b"\0" * (len(body) % 2)
        for name, body in chunks
    )
    body = b"WEBP" + b"".join(parts)
    return struct.pack("<4sI", b"RIFF", len(body)) + body


def uint24(value: int) -> bytes:
    return value.to_bytes(3, "little")


def canvas(width: int, height: int, flags: int) -> tuple[bytes, bytes]:
    return b"VP8X", bytes([flags, 0, 0, 0]) + uint24(width - 1) + uint24(height - 1)


def one_colour(width: int, height: int) -> bytes:
    """A lossless WebP's picture of one colour, which takes no bit a pixel."""
    bits = f"{0x2F:08b}"[::-1] + f"{width - 1:014b}"[::-1] + f"{height - 1:014b}"[::-1] + "0000"
    # No transform, no cache, no meta codes; five codes of one symbol each.
    bits += "000" + ("1" + "0" + "0" + "0") * 5 + "0" * 8
    return int(bits[::-1], 2).to_bytes(-(-len(bits) // 8), "little")


def frame(width: int, height: int, picture: bytes) -> tuple[bytes, bytes]:
    place = uint24(0) * 2 + uint24(width - 1) + uint24(height - 1) + uint24(10) + b"\0"
    return b"ANMF", place + struct.pack("<4sI", b"VP8L", len(picture)) + picture + b"\0" * (
        len(picture) % 2
    )


@hostile
def webp_of_50_megapixels_in_90_bytes() -> bytes:
    return riff((b"VP8L", one_colour(*WIDE)))


@hostile
def webp_canvas_of_50_megapixels_and_a_small_frame() -> bytes:
    return riff(canvas(*WIDE, 2), (b"ANIM", bytes(6)), frame(1, 1, one_colour(1, 1)))


@hostile
def webp_frames_of_50_megapixels() -> bytes:
    each = frame(*WIDE, one_colour(*WIDE))
    return riff(canvas(*WIDE, 2), (b"ANIM", bytes(6)), *[each] * 20_000)


@hostile
def webp_chunks() -> bytes:
    body = encoded("WebP", exif=Image.Exif(), lossless=True)[12:]
    return padded(
        struct.pack("<4sI4s", b"RIFF", MAX_BYTES - 8, b"WEBP") + body, b"JUNK\0\0\0\0", b""
    )


@hostile
def webp_frame_larger_than_its_canvas() -> bytes:
    return riff(canvas(8, 8, 0), (b"VP8L", one_colour(*WIDE)))


@hostile
def webp_of_no_chunks() -> bytes:
    return riff()


@hostile
def webp_chunk_longer_than_the_file() -> bytes:
    return b"RIFF\xff\xff\xff\xffWEBPVP8L\xff\xff\xff\xff" + one_colour(64, 48)


# ---- AVIF and HEIC -------------------------------------------------------------------------------


def box(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I4s", len(body) + 8, name) + body


def avif_of_size(width: int, height: int) -> bytes:
    """An AVIF of 640×480 whose container says that it is of another size."""
    whole = encoded("AVIF", (640, 480), speed=10)
    said = b"ispe\0\0\0\0" + struct.pack(">II", 640, 480)
    assert said in whole
    return whole.replace(said, said[:8] + struct.pack(">II", width, height))


@hostile
def avif_says_it_is_larger() -> bytes:
    return avif_of_size(8000, 6000)


@hostile
def avif_says_it_is_smaller() -> bytes:
    return avif_of_size(64, 48)


@hostile
def avif_says_four_thousand_million() -> bytes:
    return avif_of_size(2**32 - 1, 2**32 - 1)


@hostile
def avif_of_50_megapixels_in_few_bytes() -> bytes:
    return encoded("AVIF", (8160, 6120), speed=10, quality=1)


@hostile
def avif_of_many_frames() -> bytes:
    frames = [Image.new("RGB", (64, 48), (n, 0, 0)) for n in range(20)]
    return encoded("AVIF", save_all=True, append_images=frames, speed=10)


@hostile
def avif_boxes() -> bytes:
    whole = encoded("AVIF")
    return padded(whole, box(b"free", b""), b"")


@hostile
def avif_boxes_in_boxes() -> bytes:
    start = box(b"ftyp", b"avif\0\0\0\0avifmif1")
    depth = 100_000
    return start + b"".join(struct.pack(">I4s", 8 * (depth - n), b"moov") for n in range(depth))


@hostile
def avif_items() -> bytes:
    infe = b"".join(
        box(b"infe", struct.pack(">I2xH", 0x02000000, 0) + b"av01\0") for _ in range(200_000)
    )
    meta = bytes(4) + box(b"iinf", bytes(4) + b"\xff\xff" + infe)
    return box(b"ftyp", b"avif\0\0\0\0avifmif1") + box(b"meta", meta)


@hostile
def avif_associations() -> bytes:
    ipma = struct.pack(">II", 0, 2**32 - 1) + (b"\0\1\xff" + b"\1" * 255) * 90_000
    meta = bytes(4) + box(b"iprp", box(b"ipco", b"") + box(b"ipma", ipma))
    return box(b"ftyp", b"avif\0\0\0\0avifmif1") + box(b"meta", meta)


@hostile
def avif_of_no_boxes() -> bytes:
    return box(b"ftyp", b"avif\0\0\0\0avifmif1")


@hostile
def heic_coded_as_something_else() -> bytes:
    heic = heic_file()
    return heic.replace(b"hvc1", b"vvc1")


def heic_file() -> bytes:
    return (Path(__file__).parents[1] / "handler/photo/heic/wide_6.heic").read_bytes()


@hostile
def heic_says_it_is_larger() -> bytes:
    whole = heic_file()
    at = whole.index(b"ispe") + 8
    return whole[:at] + struct.pack(">II", 8000, 6000) + whole[at + 8 :]


@hostile
def heic_boxes() -> bytes:
    return padded(heic_file(), box(b"free", b""), b"")


# ---- what every type can be ----------------------------------------------------------------------


def truncated() -> Iterator[tuple[str, bytes]]:
    """Every type, cut at many places; HEIC at few, since each takes a process."""
    wholes = {kind: encoded(kind, (160, 120)) for kind in ("JPEG", "PNG", "WebP", "AVIF")}
    for kind, whole in {**wholes, "HEIC": heic_file()}.items():
        for at in np.linspace(1, len(whole) - 1, 5 if kind == "HEIC" else 40).astype(int).tolist():
            yield f"{kind} cut at {at}", whole[:at]


def damaged(rounds: int = 1000) -> Iterator[tuple[str, bytes]]:
    """Every type that is decoded in our own process, with a few bytes changed."""
    random = np.random.default_rng(20261128)
    wholes = {kind: encoded(kind, (160, 120)) for kind in ("JPEG", "PNG", "WebP", "AVIF")}
    for number in range(rounds):
        kind = list(wholes)[number % len(wholes)]
        data = bytearray(wholes[kind])
        for at in random.integers(0, len(data), random.integers(1, 8)):
            data[at] = random.integers(0, 256)
        yield f"{kind} damaged {number}", bytes(data)


# ---- measuring -----------------------------------------------------------------------------------


def _status(name: str) -> int:
    """A line of Linux's account of this process, bytes."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(name):
            return int(line.split()[1]) * 1024
    raise LookupError(name)


def measure(name: str, data: bytes) -> dict[str, object]:
    """Open and decode one file."""
    from handler.photo.decode import open_photo

    gc.collect()
    Path("/proc/self/clear_refs").write_text("5")  # the peak starts anew
    before, start, announced = _status("VmRSS"), time.process_time(), 0
    try:
        photo = open_photo(data)
        announced = photo.bytes_to_decode()
        photo.scaled(512, 384)
        outcome = str(photo.full().shape)
        del photo
    except Exception as error:
        outcome = f"{type(error).__name__}: {error}"
    return {
        "name": name,
        "bytes": len(data),
        "outcome": outcome,
        "seconds": time.process_time() - start,
        "peak": _status("VmHWM") - before,
        "announced": announced,
    }


def main(names: list[str]) -> None:
    """Measure the files of these names, or all; the first, harmless, loads the libraries."""
    for kind in ("JPEG", "PNG", "WebP", "AVIF"):
        measure(kind, encoded(kind))
    for name in names or HOSTILE:
        print(json.dumps(measure(name, HOSTILE[name]())), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
