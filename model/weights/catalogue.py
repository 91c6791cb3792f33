"""Where published weights live, and the story they carry.

Figures are torchvision's own, from the weights' entries in
`torchvision/models/detection/mask_rcnn.py`: AP in percent on COCO val2017.
"""

from __future__ import annotations

from dataclasses import dataclass

from model.runtime.errors import ModelNotFound
from model.runtime.manifest import ModelClass
from model.weights.coco_classes import COCO_CLASSES


@dataclass(frozen=True, slots=True)
class PublishedWeights:
    """One file of trained weights that somebody keeps on the web."""

    preset: str
    url: str
    # The first hex digits of the file's SHA-256; PyTorch also puts them in its name.
    sha256_prefix: str
    mebibytes: float
    box_ap: float
    mask_ap: float
    licence: str
    recipe: str
    # By class id; 0 is the background.
    class_names: tuple[str, ...]

    @property
    def file_name(self) -> str:
        """The last part of the URL."""
        return self.url.rpartition("/")[2]

    @property
    def classes(self) -> tuple[ModelClass, ...]:
        """The classes in label order; an id that COCO gave up keeps its place as "N/A 12"."""
        return tuple(
            ModelClass(number, f"N/A {number}" if name == "N/A" else name)
            for number, name in enumerate(self.class_names)
            if number > 0
        )


_ENTRIES = (
    PublishedWeights(
        preset="coco-r50",
        url="https://download.pytorch.org/models/maskrcnn_resnet50_fpn_coco-bf2d0c1e.pth",
        sha256_prefix="bf2d0c1e",
        mebibytes=169.84,
        box_ap=37.9,
        mask_ap=34.6,
        licence="BSD-3-Clause (torchvision), trained on COCO train2017",
        recipe="https://github.com/pytorch/vision/tree/main/references/detection#mask-r-cnn",
        class_names=COCO_CLASSES,
    ),
    PublishedWeights(
        preset="coco-r50-v2",
        url="https://download.pytorch.org/models/maskrcnn_resnet50_fpn_v2_coco-73cbd019.pth",
        sha256_prefix="73cbd019",
        mebibytes=177.219,
        box_ap=47.4,
        mask_ap=41.8,
        licence="BSD-3-Clause (torchvision), trained on COCO train2017",
        recipe="https://github.com/pytorch/vision/pull/5773",
        class_names=COCO_CLASSES,
    ),
)
CATALOGUE = {entry.preset: entry for entry in _ENTRIES}


def published_weights(preset: str) -> PublishedWeights:
    """Return the catalogue's entry for a preset.

    Raises:
        ModelNotFound: no weights are published for it.
    """
    if preset not in CATALOGUE:
        known = " and ".join(CATALOGUE)
        raise ModelNotFound(f"No weights are published for {preset!r}, only for {known}.")
    return CATALOGUE[preset]
