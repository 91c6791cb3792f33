"""Draw what was found onto the photograph: tinted masks, outlines, boxes, labels.

Everything grows with the photograph, so that it looks the same at any size on a page.
"""

from __future__ import annotations

import io
from functools import lru_cache
from math import ceil, hypot
from statistics import NormalDist
from typing import cast

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter, ImageFont

from handler.masks.label_places import Rectangle, free_place
from handler.masks.palette import Colour, instance_colour
from model.runtime.detections import Detections, InstanceMask

_TINT = 0.4
_DIAGONAL_PER_LINE = 450
_DIAGONAL_PER_TEXT = 44
_SMALLEST_LINE = 1.5
_SMALLEST_TEXT = 12
_CROWD = 25
_QUALITY = 90
_SUPERSAMPLING = 4


class Overlay:
    """A photograph that instances are drawn on, one after the other."""

    def __init__(self, frame: NDArray[np.uint8], detections: Detections) -> None:
        """Draw on a copy of `frame`, (height, width, 3) RGB."""
        self._image = Image.fromarray(frame)
        self._detections = detections
        self._diagonal = hypot(*self._image.size)
        self._line = max(_SMALLEST_LINE, self._diagonal / _DIAGONAL_PER_LINE)

    def draw(self, index: int, mask: InstanceMask) -> None:
        """Draw the instance at `index`; small ones go last, as `largest_first` has them."""
        colour = instance_colour(index)
        _draw_mask(self._image, mask, colour, self._line)
        box = _pixels(self._detections.boxes[index], self._image)
        _draw_box(self._image, box, colour, self._line)

    def encode(self) -> bytes:
        """Write the labels and encode a JPEG; nothing can be drawn after it."""
        # In a crowd, text shrinks so that all labels together cover no more of the photograph.
        crowding = max(1, len(self._detections) / _CROWD) ** 0.5
        text = max(_SMALLEST_TEXT, self._diagonal / _DIAGONAL_PER_TEXT / crowding)
        _draw_labels(self._image, self._detections, _font(text))
        return _encoded(self._image)


def largest_first(detections: Detections) -> list[int]:
    """Order the instances so that what is small is not buried."""
    sides = detections.boxes[:, 2:] - detections.boxes[:, :2]
    return [int(index) for index in np.argsort(-sides.prod(axis=1), kind="stable")]


def encode_photo_jpeg(frame: NDArray[np.uint8]) -> bytes:
    """Encode the photograph alone, (height, width, 3) RGB."""
    return _encoded(Image.fromarray(frame))


def _encoded(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    # Colour at full resolution: halved, as JPEG does by default, outlines would bleed.
    image.save(buffer, "JPEG", quality=_QUALITY, subsampling=0)
    return buffer.getvalue()


def _pixels(box: NDArray[np.float32], image: Image.Image) -> Rectangle:
    """Return the pixels that the box touches: at least one, inside the image."""
    left, top = (int(v) for v in np.clip(np.floor(box[:2]), 0, np.array(image.size) - 1))
    right, bottom = (int(v) for v in np.minimum(np.ceil(box[2:]), image.size))
    return Rectangle(left, top, max(right, left + 1), max(bottom, top + 1))


def _draw_box(image: Image.Image, box: Rectangle, colour: Colour, line: float) -> None:
    corners = (box.left, box.top, box.right - 1, box.bottom - 1)
    ImageDraw.Draw(image).rectangle(corners, outline=colour, width=round(line))


def _draw_mask(image: Image.Image, mask: InstanceMask, colour: Colour, line: float) -> None:
    """Tint the mask and line its border, without jagged edges.

    A blurred mask tells how far each pixel is from the border; its values are looked up.
    """
    margin = ceil(3 * line)
    rows, columns = mask.window
    # Where the mask ends with the photograph it has no border: blurring repeats the last pixels.
    left, top = max(columns.start - margin, 0), max(rows.start - margin, 0)
    right = min(columns.stop + margin, image.width)
    bottom = min(rows.stop + margin, image.height)
    coverage = Image.new("L", (right - left, bottom - top))
    coverage.paste(Image.fromarray(mask.pixels), (columns.start - left, rows.start - top))
    blurred = _blur(coverage, line)
    image.paste(colour, (left, top, right, bottom), blurred.point(_opacities(line)))


def _blur(coverage: Image.Image, sigma: float) -> Image.Image:
    """Blur at a scale where sigma is 2 to 4 pixels: on 12 megapixels this is 3 times faster."""
    scale = max(1, int(sigma / 2))
    small = coverage.reduce(scale).filter(ImageFilter.GaussianBlur(sigma / scale))
    covered = (0, 0, coverage.width / scale, coverage.height / scale)
    return small.resize(coverage.size, Image.Resampling.BILINEAR, box=covered)


@lru_cache(maxsize=8)
def _opacities(line: float) -> list[int]:
    """Opacity, 0 to 255, for each value of a mask blurred by a Gaussian of sigma `line`."""
    inside = NormalDist(sigma=line)
    distances = [inside.inv_cdf((value + 0.5) / 256) for value in range(256)]
    # Half a pixel on either side of an edge is partly covered.
    tint = [_TINT * min(max(distance + 0.5, 0), 1) for distance in distances]
    edge = [min(max(line / 2 - abs(distance) + 0.5, 0), 1) for distance in distances]
    return [round(255 * max(pair)) for pair in zip(tint, edge, strict=True)]


def _draw_labels(image: Image.Image, detections: Detections, font: ImageFont.FreeTypeFont) -> None:
    """Name each instance beside its box; the best scored choose first and end up on top."""
    places: dict[int, Rectangle] = {}
    texts = _label_texts(detections)
    for index, text in enumerate(texts):
        width, height = _label_size(text, font)
        if width <= image.width and height <= image.height:
            box = _pixels(detections.boxes[index], image)
            places[index] = free_place(box, (width, height), image.size, places.values())
    for index, place in reversed(places.items()):
        _draw_label(image, place, texts[index], instance_colour(index), font)


def _font(size: float) -> ImageFont.FreeTypeFont:
    # Pillow answers a bitmap font only where it was built without FreeType, unlike its wheels.
    return cast(ImageFont.FreeTypeFont, ImageFont.load_default(size))


def _label_texts(detections: Detections) -> list[str]:
    named = zip(detections.class_names, detections.scores, strict=True)
    return [f"{name} {score:.2f}" for name, score in named]


def _label_size(text: str, font: ImageFont.FreeTypeFont) -> tuple[int, int]:
    """Width and height of a label: the text with half a line around it."""
    return ceil(font.getlength(text) + 0.6 * font.size), ceil(1.4 * font.size)


def _draw_label(
    image: Image.Image,
    place: Rectangle,
    text: str,
    colour: Colour,
    font: ImageFont.FreeTypeFont,
) -> None:
    width, height = place.right - place.left, place.bottom - place.top
    large = Image.new("L", (width * _SUPERSAMPLING, height * _SUPERSAMPLING))
    radius = large.height / 4
    ImageDraw.Draw(large).rounded_rectangle((0, 0, *large.size), radius, fill=255)
    image.paste(colour, place, large.reduce(_SUPERSAMPLING))
    middle = ((place.left + place.right) / 2, (place.top + place.bottom) / 2)
    ImageDraw.Draw(image).text(middle, text, _ink(colour), font, anchor="mm")


def _ink(background: Colour) -> Colour:
    """Black or white, whichever stands out more by WCAG's contrast."""
    linear = (np.array(background) / 255) ** 2.2
    return (0, 0, 0) if linear @ (0.2126, 0.7152, 0.0722) > 0.179 else (255, 255, 255)
