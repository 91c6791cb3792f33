"""COCO-format photographs as torchvision targets, with scale jitter.

A `Sample` is decoded, flipped, cropped or shrunk, and scaled to the long side that
its batch asks for; a batch holds one orientation, so that padding is small.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageEnhance
from pycocotools import mask as coco_mask
from torch.utils.data import Dataset, Sampler

from model.training.partial_labels import Target

# An object of which a crop leaves less than this is ignored rather than learnt.
VISIBLE = 0.25
# The shortest side of a box worth learning, pixels at training scale.
SMALLEST = 4.0


@dataclass(frozen=True, slots=True)
class Sample:
    """One photograph and its annotations, as the JSON gives them."""

    path: Path
    width: int
    height: int
    labeled: NDArray[np.bool_]
    annotations: list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class View:
    """How a photograph is shown: a window of it, scaled, perhaps mirrored. Pixels."""

    window: tuple[float, float, float, float]
    scale: float
    flip: bool

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the result."""
        x1, y1, x2, y2 = self.window
        return max(round((x2 - x1) * self.scale), 1), max(round((y2 - y1) * self.scale), 1)


def read_samples(annotations: Path, images: Path, category_ids: list[int]) -> list[Sample]:
    """Read the annotations of `category_ids` from a COCO file.

    `labeled_category_ids` of an image says which classes are labelled in full ("all80" or
    a list, perhaps empty); where the key is missing, all are.
    """
    data = json.loads(annotations.read_text())
    by_image = defaultdict(list)
    for annotation in data["annotations"]:
        if annotation["category_id"] in category_ids:
            by_image[annotation["image_id"]].append(annotation)
    samples = []
    for image in data["images"]:
        named = image.get("labeled_category_ids", "all80")
        labeled = [True, *(named == "all80" or c in named for c in category_ids)]
        samples.append(
            Sample(
                images / image["file_name"],
                image["width"],
                image["height"],
                np.array(labeled),
                by_image[image["id"]],
            )
        )
    return samples


class DetectionDataset(Dataset[tuple[torch.Tensor, Target]]):
    """Augmented samples. An item is asked for as (index, long side, seed)."""

    def __init__(self, samples: list[Sample], category_ids: list[int]) -> None:
        self.samples = samples
        self.labels = {category: label + 1 for label, category in enumerate(category_ids)}

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, key: tuple[int, int, int]) -> tuple[torch.Tensor, Target]:
        """Image (3, H, W) in [0, 1] and its target."""
        index, long_side, seed = key
        sample = self.samples[index]
        rng = np.random.default_rng(seed)
        view = random_view(sample, long_side, rng)
        image = show(sample.path, view)
        image = jitter_colours(image, rng)
        pixels = torch.from_numpy(np.array(image)).permute(2, 0, 1).float() / 255
        return pixels, self._target(sample, view)

    def _target(self, sample: Sample, view: View) -> Target:
        width, height = view.size
        boxes, labels, masks, has_mask, ignore = [], [], [], [], []
        for annotation in sample.annotations:
            box, visible = place_box(annotation["bbox"], view)
            if annotation.get("iscrowd") or visible < VISIBLE or min(box[2:] - box[:2]) < SMALLEST:
                if min(box[2:] - box[:2]) > 0:
                    ignore.append(box)
                continue
            mask = place_mask(annotation.get("segmentation"), sample, view)
            boxes.append(box)
            labels.append(self.labels[annotation["category_id"]])
            has_mask.append(mask is not None)
            masks.append(mask if mask is not None else np.zeros((height, width), np.uint8))
        return {
            "boxes": torch.tensor(np.array(boxes), dtype=torch.float32).reshape(-1, 4),
            "labels": torch.tensor(labels, dtype=torch.int64),
            "masks": torch.from_numpy(np.array(masks, np.uint8).reshape(-1, height, width)),
            "has_mask": torch.tensor(has_mask, dtype=torch.bool),
            "ignore": torch.tensor(np.array(ignore), dtype=torch.float32).reshape(-1, 4),
            "labeled": torch.from_numpy(sample.labeled),
        }


def random_view(sample: Sample, long_side: int, rng: np.random.Generator) -> View:
    """Zoom in by a crop (up to 1.6 times), out (down to half), or neither, a third each."""
    width, height = sample.width, sample.height
    zoom = float(rng.choice([1.0, rng.uniform(1.0, 1.6), rng.uniform(0.5, 1.0)]))
    scale = long_side / max(width, height) * zoom
    w, h = width / max(zoom, 1), height / max(zoom, 1)
    x, y = rng.uniform(0, width - w), rng.uniform(0, height - h)
    return View((x, y, x + w, y + h), scale, bool(rng.random() < 0.5))


def show(path: Path, view: View) -> Image.Image:
    """Decode a photograph as a view shows it, RGB."""
    with Image.open(path) as file:
        image = file.convert("RGB")
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
    box = (np.array([x, y, x + w, y + h]) - [left, top, left, top]) * view.scale
    whole = float(np.prod(box[2:] - box[:2]))
    if view.flip:
        box = np.array([width - box[2], box[1], width - box[0], box[3]])
    box = np.clip(box, 0, [width, height, width, height])
    return box, float(np.prod(box[2:] - box[:2]) / max(whole, 1e-6))


def place_mask(segmentation: Any, sample: Sample, view: View) -> NDArray[np.uint8] | None:
    """Take polygons or an RLE into a view -> (H, W) of 0 and 1; None where there is no mask."""
    if not segmentation:
        return None
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
            ((np.array(p).reshape(-1, 2) - [left, top]) * view.scale).ravel().tolist()
            for p in segmentation
        ]
        rles = coco_mask.frPyObjects(polygons, height, width)
        mask = coco_mask.decode(coco_mask.merge(rles))
    return np.ascontiguousarray(mask[:, ::-1]) if view.flip else mask


def repeat_factors(samples: list[Sample], threshold: float = 0.1) -> NDArray[np.float64]:
    """How often to see each photograph, so that rare classes are learnt (N,).

    Repeat factor sampling of LVIS, https://arxiv.org/abs/1908.03195, section 6.
    """
    classes = [{a["category_id"] for a in sample.annotations} for sample in samples]
    counts = Counter(category for present in classes for category in present)
    repeat = {c: max(1.0, (threshold * len(samples) / n) ** 0.5) for c, n in counts.items()}
    return np.array([max((repeat[c] for c in present), default=1.0) for present in classes])


class BatchSampler(Sampler[list[tuple[int, int, int]]]):
    """Endless batches of one orientation and one long side, each from its own seed.

    A photograph's weight is how often it is seen in comparison with the others.
    `start` is the step to begin with, so that a resumed run sees what it would have seen.
    """

    def __init__(
        self,
        samples: list[Sample],
        weights: NDArray[np.float64],
        batch_size: int,
        sides: tuple[int, ...],
        seed: int,
        start: int = 0,
    ) -> None:
        portrait = np.array([s.height > s.width for s in samples])
        self.groups = [np.flatnonzero(portrait), np.flatnonzero(~portrait)]
        self.weights, self.batch_size, self.sides = weights, batch_size, sides
        self.seed, self.start = seed, start

    def __iter__(self) -> Iterator[list[tuple[int, int, int]]]:
        """Yield lists of (index, long side, seed)."""
        share = np.array([self.weights[group].sum() for group in self.groups])
        step = self.start
        while True:
            rng = np.random.default_rng((self.seed, step))
            group = self.groups[int(rng.choice(2, p=share / share.sum()))]
            odds = self.weights[group] / self.weights[group].sum()
            chosen = rng.choice(
                group, self.batch_size, replace=len(group) < self.batch_size, p=odds
            )
            side = int(rng.choice(self.sides))
            yield [(int(i), side, int(rng.integers(2**31))) for i in chosen]
            step += 1


def collate(
    batch: list[tuple[torch.Tensor, Target]],
) -> tuple[list[torch.Tensor], list[Target]]:
    """Keep images and targets as lists: their sizes differ."""
    images, targets = zip(*batch, strict=True)
    return list(images), list(targets)
