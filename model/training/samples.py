"""Photographs and their annotations, as a COCO file gives them."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Sample:
    """One photograph and its annotations, as the JSON gives them.

    repeat: how often it is to be seen in comparison with others.
    stretch: its width may be wrong by up to this factor, either way: the true shape is unknown.
    """

    path: Path
    width: int
    height: int
    labeled: NDArray[np.bool_]
    annotations: list[dict[str, Any]]
    repeat: float = 1.0
    stretch: float = 1.0


def read_samples(
    annotations: Path,
    images: Path,
    category_ids: list[int],
    repeat: float = 1.0,
    stretch: float = 1.0,
) -> list[Sample]:
    """Read the annotations of `category_ids` from a COCO file.

    `labeled_category_ids` of an image says which classes are labelled in full ("all80" or
    a list, perhaps empty); where the key is missing, all are.
    """
    data = json.loads(annotations.read_bytes())
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
                repeat,
                stretch,
            )
        )
    return samples


def repeat_factors(samples: list[Sample], threshold: float = 0.1) -> NDArray[np.float64]:
    """How often to see each photograph: as its set asks, and so that rare classes are learnt (N,).

    Repeat factor sampling of LVIS, https://arxiv.org/abs/1908.03195, section 6.
    """
    classes = [{a["category_id"] for a in sample.annotations} for sample in samples]
    counts = Counter(category for present in classes for category in present)
    repeat = {c: max(1.0, (threshold * len(samples) / n) ** 0.5) for c, n in counts.items()}
    rarity = [max((repeat[c] for c in present), default=1.0) for present in classes]
    return np.array(rarity) * [sample.repeat for sample in samples]
