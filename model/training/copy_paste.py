"""Copy-paste augmentation: objects cut out of one photograph appear in another.

Simple copy-paste, https://arxiv.org/abs/2012.07177. Its use here: most masks of the
training set are of one large object alone, so objects are mostly pasted smaller than they
were taken, and next to others. A pasted object is fully labelled, wherever it lands.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torchvision.ops import masks_to_boxes

from model.training.partial_labels import Target
from model.training.samples import Sample
from model.training.views import View, place_mask, show

# An object of which less than this is to be seen is ignored rather than learnt.
VISIBLE = 0.25
# Objects that a photograph receives, at most.
MOST = 3
# Longer side of a pasted object, as a share of the photograph's.
SHARES = (0.06, 0.6)
# An object is worth cutting out from this shorter side on, and is magnified at most so much.
SMALLEST_SOURCE = 24
MAGNIFIED = 1.3


@dataclass(frozen=True, slots=True)
class Source:
    """An object that may be cut out: a photograph and one of its annotations."""

    sample: Sample
    annotation: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Cutout:
    """An object's pixels (h, w, 3) uint8 and its mask (h, w) bool."""

    pixels: NDArray[np.uint8]
    mask: NDArray[np.bool_]


class Cutouts:
    """The objects that can be pasted. A class is drawn by the square root of its count.

    chance: how often a photograph receives objects.
    """

    def __init__(self, samples: list[Sample], chance: float) -> None:
        self.chance = chance
        self.sources = [
            Source(sample, annotation)
            for sample in samples
            for annotation in sample.annotations
            if annotation.get("segmentation")
            and not annotation.get("iscrowd")
            and min(annotation["bbox"][2:]) >= SMALLEST_SOURCE
        ]
        counts = Counter(source.annotation["category_id"] for source in self.sources)
        odds = np.array([counts[s.annotation["category_id"]] ** -0.5 for s in self.sources])
        self.odds = odds / odds.sum() if len(odds) else odds

    def draw(self, long_side: int, rng: np.random.Generator) -> list[tuple[Source, Cutout]]:
        """Draw none, or up to MOST objects, for a photograph with this long side (pixels)."""
        if not self.sources or rng.random() >= self.chance:
            return []
        chosen = rng.choice(len(self.sources), rng.integers(1, MOST + 1), p=self.odds)
        sources = [self.sources[index] for index in chosen]
        return [(source, cut_out(source, long_side, rng)) for source in sources]


def cut_out(source: Source, long_side: int, rng: np.random.Generator) -> Cutout:
    """Cut an object out of its photograph, at a size drawn log-uniformly from SHARES."""
    x, y, w, h = source.annotation["bbox"]
    right, bottom = min(x + w, source.sample.width), min(y + h, source.sample.height)
    share = np.exp(rng.uniform(*np.log(SHARES)))
    scale = min(share * long_side / max(w, h), MAGNIFIED)
    view = View((max(x, 0), max(y, 0), right, bottom), scale, bool(rng.random() < 0.5))
    mask = place_mask(source.annotation["segmentation"], source.sample, view)
    return Cutout(np.asarray(show(source.sample.path, view)), mask.astype(bool))


def paste(
    image: NDArray[np.uint8], target: Target, cutout: Cutout, label: int, rng: np.random.Generator
) -> Target:
    """Paste an object into image (H, W, 3), in place, and return the target that now holds.

    Objects behind it lose what it hides: a mask is cut and its box shrinks to what is left;
    what keeps less than VISIBLE, or a box without a mask that is half hidden, is ignored.
    """
    height, width = cutout.mask.shape
    if height > image.shape[0] or width > image.shape[1] or not cutout.mask.any():
        return target
    y = int(rng.integers(image.shape[0] - height + 1))
    x = int(rng.integers(image.shape[1] - width + 1))
    image[y : y + height, x : x + width][cutout.mask] = cutout.pixels[cutout.mask]
    hidden = torch.zeros(image.shape[:2], dtype=torch.bool)
    hidden[y : y + height, x : x + width] = torch.from_numpy(cutout.mask)
    behind = _hide(target, hidden)
    return {
        **behind,
        "boxes": torch.cat([behind["boxes"], _boxes_of(hidden[None])]),
        "labels": torch.cat([behind["labels"], torch.tensor([label])]),
        "masks": torch.cat([behind["masks"], hidden[None].to(torch.uint8)]),
        "has_mask": torch.cat([behind["has_mask"], torch.tensor([True])]),
    }


def _hide(target: Target, hidden: torch.Tensor) -> Target:
    """Take away from a target's objects what `hidden` (H, W) bool covers."""
    boxes, masks, has_mask = target["boxes"], target["masks"], target["has_mask"]
    left = masks * ~hidden
    before, after = masks.sum((1, 2)), left.sum((1, 2))
    cut = has_mask & (after < before)
    lost = torch.where(has_mask, after < VISIBLE * before, _hidden_share(boxes, hidden) > 0.5)
    boxes = boxes.clone()
    shrunk = cut & ~lost
    if shrunk.any():
        boxes[shrunk] = _boxes_of(left[shrunk])
    return {
        **target,
        "boxes": boxes[~lost],
        "labels": target["labels"][~lost],
        "masks": left[~lost],
        "has_mask": has_mask[~lost],
        "ignore": torch.cat([target["ignore"], boxes[lost]]),
    }


def _boxes_of(masks: torch.Tensor) -> torch.Tensor:
    """Boxes (N, 4) around masks (N, H, W), none empty; torchvision's end at pixel centres."""
    return masks_to_boxes(masks) + torch.tensor([0.0, 0.0, 1.0, 1.0])


def _hidden_share(boxes: torch.Tensor, hidden: torch.Tensor) -> torch.Tensor:
    """Share of each box (N, 4) that `hidden` (H, W) covers -> (N,)."""
    shares = [
        hidden[int(y1) : int(y2) + 1, int(x1) : int(x2) + 1].float().mean()
        for x1, y1, x2, y2 in boxes.tolist()
    ]
    return torch.stack(shares) if shares else torch.zeros(0)
