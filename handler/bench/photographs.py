"""Photographs of any size to measure with: the model's own golden image, scaled."""

from __future__ import annotations

import io
from pathlib import Path

from PIL import Image

from handler.errors import BadOptions

# The sides of 640×480, of a phone's screen, and of a phone's camera.
SIZES = ((640, 480), (1600, 1200), (4000, 3000))
_QUALITY = 90


def scaled_jpeg(photo: Path, width: int, height: int) -> bytes:
    """Scale and crop `photo` to fill `width` × `height`, as a JPEG; raises BadOptions."""
    try:
        with Image.open(photo) as opened:
            image = opened.convert("RGB")
    except OSError as error:
        raise BadOptions(f"{photo} is not a photograph that can be read: {error}.") from None
    scale = max(width / image.width, height / image.height)
    part = (width / scale, height / scale)
    left, top = ((image.width - part[0]) / 2, (image.height - part[1]) / 2)
    box = (left, top, left + part[0], top + part[1])
    file = io.BytesIO()
    image.resize((width, height), Image.Resampling.BICUBIC, box).save(
        file, "JPEG", quality=_QUALITY
    )
    return file.getvalue()
