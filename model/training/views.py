"""A view: how training shows a photograph, and where its boxes and masks go with it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageEnhance
from pycocotools import mask as coco_mask

from model.photographs import read_pixels
from model.training.samples import Sample
from model.training.zooms import ZOOMS


@dataclass(frozen=True, slots=True)
class View:
    """How a photograph is shown: a window of it, scaled, perhaps mirrored. Pixels.

    stretch: the scale of widths over that of heights, which is `scale`.
    """

    window: tuple[float, float, float, float]
    scale: float
    flip: bool
    stretch: float = 1.0

    @property
    def scales(self) -> tuple[float, float]:
        """What widths and heights are multiplied by."""
        return self.scale * self.stretch, self.scale

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the result."""
        x1, y1, x2, y2 = self.window
        across, down = self.scales
        return max(round((x2 - x1) * across), 1), max(round((y2 - y1) * down), 1)


def random_view(
    sample: Sample, long_side: int, rng: np.random.Generator, zooms: tuple[float, float] = ZOOMS
) -> View:
    """Zoom in by a crop, out, or neither, a third each; stretch as far as the sample allows.

    zooms: how far out and in, as factors of the scale at which the photograph just fits.
    """
    width, height = sample.width, sample.height
    out, into = zooms
    zoom = float(rng.choice([1.0, rng.uniform(1.0, into), rng.uniform(out, 1.0)]))
    stretch = 1.0
    if sample.stretch > 1:
        stretch = float(sample.stretch ** rng.uniform(-1, 1))
    scale = long_side / max(width * stretch, height) * zoom
    w, h = width / max(zoom, 1), height / max(zoom, 1)
    x, y = rng.uniform(0, width - w), rng.uniform(0, height - h)
    return View((x, y, x + w, y + h), scale, bool(rng.random() < 0.5), stretch)


def show(path: Path, view: View) -> Image.Image:
    """Decode a photograph as a view shows it, RGB."""
    image = Image.fromarray(read_pixels(path))
    image = image.resize(view.size, Image.Resampling.BILINEAR, box=view.window)
    return image.transpose(Image.Transpose.FLIP_LEFT_RIGHT) if view.flip else image


def jitter_colours(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Brightness, contrast and saturation by up to 30 %, half of the time."""
    if rng.random() < 0.5:
        return image
    for enhance in (ImageEnhance.Brightness, ImageEnhance.Contrast, ImageEnhance.Color):
        image = enhance(image).enhance(rng.uniform(0.7, 1.3))
    return image


def place_box(bbox: list[float], view: View) -> tuple[NDArray[np.float64], float]:
    """Take a COCO box (x, y, w, h) into a view -> x1 y1 x2 y2, and its visible share."""
    x, y, w, h = bbox
    left, top = view.window[:2]
    width, height = view.size
    box = (np.array([x, y, x + w, y + h]) - [left, top, left, top]) * (view.scales * 2)
    whole = float(np.prod(box[2:] - box[:2]))
    if view.flip:
        box = np.array([width - box[2], box[1], width - box[0], box[3]])
    box = np.clip(box, 0, [width, height, width, height])
    return box, float(np.prod(box[2:] - box[:2]) / max(whole, 1e-6))


def place_mask(segmentation: Any, sample: Sample, view: View) -> NDArray[np.uint8]:
    """Take polygons or an RLE into a view -> (H, W) of 0 and 1."""
    width, height = view.size
    left, top = view.window[:2]
    if isinstance(segmentation, dict):
        if isinstance(segmentation["counts"], list):
            segmentation = coco_mask.frPyObjects(segmentation, sample.height, sample.width)
        full = Image.fromarray(coco_mask.decode(segmentation) * np.uint8(255))
        shown = full.resize(view.size, Image.Resampling.BILINEAR, box=view.window)
        mask = (np.asarray(shown) > 127).astype(np.uint8)
    else:
        polygons = [
            ((np.array(p).reshape(-1, 2) - [left, top]) * view.scales).ravel().tolist()
            for p in segmentation
        ]
        rles = coco_mask.frPyObjects(polygons, height, width)
        mask = np.asarray(coco_mask.decode(coco_mask.merge(rles)), np.uint8)
    return np.ascontiguousarray(mask[:, ::-1]) if view.flip else mask
