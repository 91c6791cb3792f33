import io
import struct
import sys
import threading
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from handler.errors import BrokenImage, ImageTooLarge, UnsupportedImage
from handler.photo.decode import ImageLimits, open_photo


def picture(width=64, height=48, mode="RGB"):
    """A dark picture with a bright top left quarter, so that every turn shows."""
    pixels = np.full((height, width, 3), 20, np.uint8)
    pixels[: height // 2, : width // 2] = (230, 120, 40)
    return Image.fromarray(pixels).convert(mode)


def encoded(image, kind, **options):
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def with_orientation(value):
    exif = Image.Exif()
    exif[0x0112] = value
    return exif


def png(**chunks):
    """A PNG of these chunks."""
    parts = [b"\x89PNG\r\n\x1a\n"]
    for name, body in {**chunks, "IEND": b""}.items():
        named = name.encode() + body
        parts.append(struct.pack(">I", len(body)) + named + struct.pack(">I", zlib.crc32(named)))
    return b"".join(parts)


def png_header(width, height):
    body = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunk = struct.pack(">I", 13) + body + struct.pack(">I", zlib.crc32(body))
    return b"\x89PNG\r\n\x1a\n" + chunk


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WebP", "AVIF"])
def test_type_is_told_by_content(kind):
    photo = open_photo(encoded(picture(), kind))
    assert (photo.type, photo.width, photo.height, photo.orientation) == (kind, 64, 48, 1)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA"])
def test_every_png_mode_becomes_rgb(mode):
    pixels = open_photo(encoded(picture(mode=mode), "PNG")).full()
    assert pixels.shape == (48, 64, 3)
    assert pixels[4, 4].mean() > pixels[40, 60].mean()


def test_cmyk_jpeg_keeps_its_colours():
    pixels = open_photo(encoded(picture(mode="CMYK"), "JPEG", quality=95)).full()
    assert np.abs(pixels[4, 4].astype(int) - (230, 120, 40)).max() < 12


def test_sixteen_bits_are_scaled_not_clipped():
    grey = np.array([[0, 256, 32768, 65535]], np.uint16)
    pixels = open_photo(encoded(Image.fromarray(grey), "PNG")).full()
    assert pixels[0, :, 0].tolist() == [0, 1, 128, 255]


@pytest.mark.parametrize("kind", ["PNG", "WebP", "AVIF"])
def test_transparent_pixels_are_shown_on_white(kind):
    image = picture(mode="RGBA")
    image.paste((0, 0, 0, 0), (32, 24, 64, 48))
    options = {"quality": 95} if kind == "AVIF" else {"lossless": True}
    pixels = open_photo(encoded(image, kind, **options)).full().astype(int)
    assert np.abs(pixels[40, 60] - 255).max() < 2
    assert np.abs(pixels[4, 4] - (230, 120, 40)).max() < (8 if kind == "AVIF" else 1)


def test_palette_transparency_is_shown_on_white():
    image = picture(mode="P")
    data = encoded(image, "PNG", transparency=image.getpixel((60, 40)))
    assert open_photo(data).full()[40, 60].tolist() == [255, 255, 255]


@pytest.mark.parametrize("kind", ["PNG", "WebP", "AVIF"])
def test_first_frame_of_an_animation_counts(kind):
    frames = [Image.new("RGB", (8, 8), "red"), Image.new("RGB", (8, 8), "blue")]
    options = {"lossless": True} if kind == "WebP" else {}
    data = encoded(frames[0], kind, save_all=True, append_images=frames[1:], **options)
    photo = open_photo(data)
    assert photo.record.animated
    assert np.abs(photo.full()[0, 0].astype(int) - [255, 0, 0]).max() < 3


@pytest.mark.parametrize("bits", [1, 2, 4, 8, 16])
def test_transparent_grey_is_shown_on_white(bits):
    # A row of two pixels: 0, and the brightest but one, which is the transparent one.
    clear = max((1 << bits) - 2, 1)
    row = {1: b"\x40", 2: b"\x20", 4: b"\x0e", 8: b"\0\xfe", 16: b"\0\0\xff\xfe"}[bits]
    header = struct.pack(">IIBBBBB", 2, 1, bits, 0, 0, 0, 0)
    data = png(IHDR=header, tRNS=struct.pack(">H", clear), IDAT=zlib.compress(b"\0" + row))
    photo = open_photo(data)
    assert (photo.record.transparent, photo.record.bits) == (True, bits)
    assert photo.full()[0, :, 0].tolist() == [0, 255]


def test_transparent_colour_of_16_bits_is_shown_on_white():
    header = struct.pack(">IIBBBBB", 2, 1, 16, 2, 0, 0, 0)
    clear, dark = struct.pack(">HHH", 1000, 2000, 3000), bytes(6)
    data = png(IHDR=header, tRNS=clear, IDAT=zlib.compress(b"\0" + clear + dark))
    assert open_photo(data).full()[0].tolist() == [[255, 255, 255], [0, 0, 0]]


@pytest.mark.parametrize(
    ("name", "transparent", "last"), [("transparent", True, 255), ("ten_bits", False, 0)]
)
def test_heic_of_other_kinds_is_decoded(name, transparent, last):
    pytest.importorskip("pi_heif")
    photo = open_photo((Path(__file__).parent / f"heic/{name}.heic").read_bytes())
    pixels = photo.full().astype(int)
    assert photo.record.transparent is transparent
    assert np.abs(pixels[4, 4] - (230, 120, 40)).max() < 4
    assert np.abs(pixels[40, 60] - last).max() < 4


def test_heic_without_its_decoder_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "pi_heif", None)
    photo = open_photo((Path(__file__).parent / "heic/wide_6.heic").read_bytes())
    with pytest.raises(
        UnsupportedImage, match=r"not installed: the extra `heic` \(pi-heif\) has it"
    ):
        photo.full()


def test_png_exif_after_the_pixels_counts():
    data = encoded(picture(), "PNG")
    exif = b"eXIf" + with_orientation(6).tobytes().removeprefix(b"Exif\0\0")
    chunk = struct.pack(">I", len(exif) - 4) + exif + struct.pack(">I", zlib.crc32(exif))
    photo = open_photo(data[:-12] + chunk + data[-12:])
    assert (photo.width, photo.height, photo.orientation) == (48, 64, 6)


@pytest.mark.parametrize("exif", [b"Exif\0\0nonsense", with_orientation(9).tobytes()])
def test_senseless_exif_counts_as_upright(exif):
    assert open_photo(encoded(picture(), "JPEG", exif=exif)).orientation == 1


@pytest.mark.parametrize("size", [(1, 1), (1, 900), (2000, 100), (333, 77)])
@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_any_shape_is_scaled_to_any_size(kind, size):
    photo = open_photo(encoded(picture(*size), kind))
    assert photo.scaled(512, 26).shape == (26, 512, 3)
    assert photo.full().shape == (size[1], size[0], 3)


def test_reduced_jpeg_is_the_full_one_scaled():
    # 1603 is no multiple of 8: the last decoded column is photograph in part.
    ramp = np.linspace(0, 255, 1603).astype(np.uint8)
    image = Image.fromarray(np.repeat(np.repeat(ramp[None, :, None], 1201, 0), 3, 2))
    photo = open_photo(encoded(image, "JPEG", quality=95))
    reference = np.asarray(image.resize((200, 150), Image.Resampling.BILINEAR))
    assert np.abs(photo.scaled(200, 150).astype(int) - reference).max() <= 2


def test_many_threads_may_decode_one_photo():
    photo = open_photo(encoded(picture(400, 300), "PNG"))
    seen = []
    threads = [threading.Thread(target=lambda: seen.append(photo.full())) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(seen) == 8
    assert all(pixels is seen[0] for pixels in seen)


def test_empty_file_is_refused():
    with pytest.raises(BrokenImage, match="The file is empty"):
        open_photo(b"")


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (encoded(picture(), "GIF"), "a GIF"),
        (encoded(picture(), "TIFF"), "a TIFF"),
        (encoded(picture(), "BMP"), "a BMP"),
        (b"%PDF-1.7\n", "a PDF"),
        (b"\0\0\0\x18ftypmif1\0\0\0\0mif1miaf", "a HEIF without a HEVC or AV1 picture"),
        (b"\0\0\0\x18ftypisom\0\0\0\0isommp42", "a video"),
        (b"<?xml version='1.0'?><svg/>", "an SVG"),
        ("Grüße, Welt\n".encode(), "text"),
        (bytes(range(256)), "not an image that is known"),
    ],
)
def test_other_files_are_refused_by_name(data, name):
    with pytest.raises(
        UnsupportedImage, match=f"This is {name}; JPEG, PNG, WebP, AVIF and HEIC are accepted"
    ):
        open_photo(data)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WebP", "AVIF"])
@pytest.mark.parametrize("share", [0.05, 0.3, 0.6, 0.9])
def test_truncated_file_says_after_how_many_bytes(kind, share):
    noise = np.random.default_rng(1).integers(0, 255, (90, 120, 3), np.uint8)
    data = encoded(Image.fromarray(noise), kind)
    part = data[: int(len(data) * share)]
    with pytest.raises(
        BrokenImage, match=f"{kind} is truncated: it ends after {len(part):,} bytes"
    ):
        open_photo(part).full()


def test_truncated_jpeg_is_noticed_at_reduced_scale():
    data = encoded(picture(800, 600), "JPEG")
    with pytest.raises(BrokenImage, match="truncated"):
        open_photo(data[: len(data) // 2]).scaled(100, 75)


def test_corrupt_pixels_are_refused():
    data = bytearray(encoded(picture(), "PNG"))
    data[60:70] = b"corruption"
    with pytest.raises(BrokenImage, match="The PNG is corrupt"):
        open_photo(bytes(data)).full()


def test_bomb_is_refused_by_its_header():
    with pytest.raises(ImageTooLarge, match="Image is 50000×50000 px; the longest side allowed"):
        open_photo(png_header(50_000, 50_000))


def test_webp_bomb_is_refused_before_its_canvas_is_allocated():
    data = bytearray(encoded(picture(), "WebP", exif=with_orientation(1)))
    assert data[12:16] == b"VP8X"
    data[24:30] = b"\xff\x3f\0\xff\x3f\0"
    with pytest.raises(ImageTooLarge, match="16384×16384 px, 268,435,456 in all; at most"):
        open_photo(bytes(data))


def test_limits_name_value_and_limit():
    data = encoded(picture(), "PNG")
    with pytest.raises(ImageTooLarge, match=f"has {len(data)} bytes; at most 100 are allowed"):
        open_photo(data, ImageLimits(max_bytes=100))
    with pytest.raises(ImageTooLarge, match="64×48 px; the longest side allowed is 63"):
        open_photo(data, ImageLimits(max_side=63))
    with pytest.raises(ImageTooLarge, match="64×48 px, 3,072 in all; at most 3,000"):
        open_photo(data, ImageLimits(max_pixels=3000))


def test_arbitrary_damage_never_escapes_as_another_error():
    originals = [encoded(picture(), kind) for kind in ("JPEG", "PNG", "WebP")]
    random = np.random.default_rng(7)
    outcomes = set()
    for round_ in range(300):
        data = bytearray(originals[round_ % 3])
        for at in random.integers(0, len(data), 4):
            data[at] = random.integers(0, 256)
        try:
            outcomes.add(open_photo(bytes(data), ImageLimits(max_side=2000)).full().ndim)
        except (BrokenImage, UnsupportedImage, ImageTooLarge) as error:
            outcomes.add(type(error))
    assert {3, BrokenImage} <= outcomes
