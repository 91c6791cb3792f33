"""What torchvision detects with the seeded weights, written to references/.

    PYTHONPATH=.:tests/support python tests/model/make_torchvision_references.py

Needs the extra `train`; run from the repository's root.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from seeded_weights import IMAGE_SIZES, NUM_CLASSES, seeded_image, seeded_state_dict
from torchvision.models.detection import (
    MaskRCNN,
    maskrcnn_resnet50_fpn,
    maskrcnn_resnet50_fpn_v2,
)

from model.config import PRESETS
from model.training.network import edge_mask_rcnn

REFERENCES = Path(__file__).with_name("references")


def main() -> None:
    REFERENCES.mkdir(exist_ok=True)
    for preset in PRESETS:
        model = build(preset)
        arrays = {}
        for image in IMAGE_SIZES:
            found = detect(model, seeded_image(image))
            arrays |= {f"{image}.{key}": value for key, value in found.items()}
            labels = found["labels"]
            print(f"{preset} {image}: {len(labels)} detections of {len(set(labels))} classes")
        np.savez_compressed(REFERENCES / f"{preset}.npz", **arrays)


def build(name: str) -> MaskRCNN:
    """torchvision's model of a preset, with the seeded weights."""
    preset = PRESETS[name]
    if name == "edge":
        model = edge_mask_rcnn(NUM_CLASSES)
    else:
        make = maskrcnn_resnet50_fpn_v2 if preset.head_norm else maskrcnn_resnet50_fpn
        model = make(weights=None, weights_backbone=None, num_classes=NUM_CLASSES)
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.eps = preset.batch_norm_epsilon
    state = {key: torch.from_numpy(value) for key, value in seeded_state_dict(preset).items()}
    missing, unexpected = model.load_state_dict(state, strict=False)
    assert not unexpected
    assert all(key.endswith("num_batches_tracked") for key in missing)
    return model.eval()


@torch.inference_mode()
def detect(model: MaskRCNN, image: NDArray[np.uint8]) -> dict[str, NDArray[np.generic]]:
    """Detections at the image's own size, with masks as the mask head gives them.

    boxes (N, 4), scores (N,), labels (N,), masks (N, 28, 28) uint16, probability × 65535.
    """
    pixels = torch.from_numpy(image).permute(2, 0, 1) / 255
    model.transform.min_size = (min(image.shape[:2]),)
    model.transform.max_size = max(image.shape[:2])
    images, _ = model.transform([pixels])
    features = model.backbone(images.tensors)
    proposals, _ = model.rpn(images, features)
    (found,), _ = model.roi_heads(features, proposals, images.image_sizes)
    return {
        "boxes": found["boxes"].numpy(),
        "scores": found["scores"].numpy(),
        "labels": found["labels"].numpy().astype(np.uint8),
        "masks": (found["masks"][:, 0].numpy() * 65535).round().astype(np.uint16),
    }


if __name__ == "__main__":
    main()
