"""Augmented photographs as torchvision targets, in batches.

A `Sample` is decoded, flipped, cropped or shrunk, and scaled to the long side that its
batch asks for; four may be joined, objects of others may be pasted in. A batch holds one
orientation, so that padding is small.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils.data import Dataset, Sampler

from model.training.copy_paste import VISIBLE, Cutouts, paste
from model.training.mosaic import Partners, join
from model.training.partial_labels import Target
from model.training.samples import Sample
from model.training.views import (
    View,
    jitter_colours,
    place_box,
    place_mask,
    random_view,
    show,
)
from model.training.zooms import ZOOMS

# The shortest side of a box worth learning, pixels at training scale.
SMALLEST = 4.0


class DetectionDataset(Dataset[tuple[torch.Tensor, Target]]):
    """Augmented samples. An item is asked for as (index, long side, seed).

    copy_paste: how often a photograph receives objects of others.
    zooms: how far photographs are zoomed out and in.
    mosaic: how often four photographs are shown as one.
    """

    def __init__(
        self,
        samples: list[Sample],
        category_ids: list[int],
        copy_paste: float = 0.0,
        zooms: tuple[float, float] = ZOOMS,
        mosaic: float = 0.0,
    ) -> None:
        self.samples, self.zooms, self.mosaic = samples, zooms, mosaic
        self.partners = Partners(samples)
        self.labels = {category: label + 1 for label, category in enumerate(category_ids)}
        self.cutouts = Cutouts(samples, copy_paste)

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, key: tuple[int, int, int]) -> tuple[torch.Tensor, Target]:
        """Image (3, H, W) in [0, 1] and its target."""
        index, long_side, seed = key
        rng = np.random.default_rng(seed)
        if self.mosaic and rng.random() < self.mosaic:
            tiles = [self._show(i, long_side // 2, rng) for i in self.partners.draw(index, rng)]
            image, target = join(tiles)
        else:
            image, target = self._show(index, long_side, rng)
        for source, cutout in self.cutouts.draw(long_side, rng):
            label = self.labels[source.annotation["category_id"]]
            target = paste(image, target, cutout, label, rng)
        return torch.from_numpy(image).permute(2, 0, 1).float() / 255, target

    def _show(
        self, index: int, long_side: int, rng: np.random.Generator
    ) -> tuple[NDArray[np.uint8], Target]:
        """One photograph (H, W, 3), augmented, and its target."""
        sample = self.samples[index]
        view = random_view(sample, long_side, rng, self.zooms)
        image = np.array(jitter_colours(show(sample.path, view), rng))
        return image, self._target(sample, view)

    def _target(self, sample: Sample, view: View) -> Target:
        width, height = view.size
        boxes, labels, masks, has_mask, ignore = [], [], [], [], []
        for annotation in sample.annotations:
            box, visible = place_box(annotation["bbox"], view)
            if annotation.get("iscrowd") or visible < VISIBLE or min(box[2:] - box[:2]) < SMALLEST:
                if min(box[2:] - box[:2]) > 0:
                    ignore.append(box)
                continue
            segmentation = annotation.get("segmentation")
            boxes.append(box)
            labels.append(self.labels[annotation["category_id"]])
            has_mask.append(bool(segmentation))
            masks.append(
                place_mask(segmentation, sample, view)
                if segmentation
                else np.zeros((height, width), np.uint8)
            )
        return {
            "boxes": torch.tensor(np.array(boxes), dtype=torch.float32).reshape(-1, 4),
            "labels": torch.tensor(labels, dtype=torch.int64),
            "masks": torch.from_numpy(np.array(masks, np.uint8).reshape(-1, height, width)),
            "has_mask": torch.tensor(has_mask, dtype=torch.bool),
            "ignore": torch.tensor(np.array(ignore), dtype=torch.float32).reshape(-1, 4),
            "labeled": torch.from_numpy(sample.labeled),
        }


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
