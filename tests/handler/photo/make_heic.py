"""Make the HEIC files of tests/handler/photo/heic, with an encoder that no installation needs.

    python3 -m venv /tmp/heif && /tmp/heif/bin/pip install pillow-heif==1.8.1 numpy
    /tmp/heif/bin/python tests/handler/photo/make_heic.py

wide_N, tall_N, square_N: a dark picture with a bright top left quarter, as a phone stores
it: turned, with irot and imir that say how, and an EXIF block that says so too, N.
transparent: its bottom right quarter is. ten_bits: 10 bits a channel.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pillow_heif
from PIL import Image

OUT = Path(__file__).parent / "heic"
# How a picture is stored, so that an orientation brings it upright.
STORED = {1: None, 2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}


def picture(width: int, height: int) -> Image.Image:
    pixels = np.full((height, width, 3), 20, np.uint8)
    pixels[: height // 2, : width // 2] = (230, 120, 40)
    return Image.fromarray(pixels)


def exif(orientation: int) -> bytes:
    block = Image.Exif()
    block[0x0112] = orientation
    return block.tobytes()


def save(name: str, image: Image.Image, **options: object) -> None:
    options = {"quality": 90, "chroma": 444, **options}
    pillow_heif.from_pillow(image).save(OUT / f"{name}.heic", **options)


def main() -> None:
    OUT.mkdir(exist_ok=True)
    for name, size in {"wide": (64, 48), "tall": (48, 64), "square": (64, 64)}.items():
        for orientation, transposed in STORED.items():
            upright = picture(*size)
            stored = upright if transposed is None else upright.transpose(transposed)
            save(f"{name}_{orientation}", stored, exif=exif(orientation))
    see_through = picture(64, 48).convert("RGBA")
    see_through.paste((0, 0, 0, 0), (32, 24, 64, 48))
    save("transparent", see_through, quality=-1)
    deep = np.zeros((48, 64, 3), np.uint16)
    deep[:24, :32] = (58880, 30720, 10240)
    file = pillow_heif.from_bytes("RGB;16", (64, 48), deep.tobytes())
    file.save(OUT / "ten_bits.heic", quality=90, chroma=444)


if __name__ == "__main__":
    main()
