"""What Detectron2 detects with the seeded weights, written to references/.

    pip install torch torchvision fvcore iopath omegaconf hydra-core pycocotools
    git clone https://github.com/facebookresearch/detectron2 D       # need not be compiled
    PYTHONPATH=D:.:tests/support python tests/model/make_detectron2_references.py

Once with its adaptive sampling (`adaptive.`), and once with 2 × 2 samples a bin, as the network
here has it: the first tells what the fixed number costs, the second proves the rest.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from detectron2.config import get_cfg
from detectron2.modeling import build_model
from numpy.typing import NDArray
from seeded_imports import preset, seeded_detectron2
from seeded_weights import IMAGE_SIZES, NUM_CLASSES, seeded_image

REFERENCES = Path(__file__).with_name("references")
SAMPLES = {"": 2, "adaptive.": 0}


def main() -> None:
    for name in ("detectron2-r50", "detectron2-r101"):
        arrays = {}
        for prefix, samples in SAMPLES.items():
            model = build(name, samples)
            for image in IMAGE_SIZES:
                found = detect(model, seeded_image(image))
                arrays |= {f"{prefix}{image}.{key}": value for key, value in found.items()}
                print(name, prefix, image, len(found["labels"]), len(set(found["labels"])))
        np.savez_compressed(REFERENCES / f"{name}.npz", **arrays)


def build(name: str, samples: int) -> Any:
    """Detectron2's model as its zoo's mask_rcnn_R_50_FPN configures it, with seeded weights."""
    config = get_cfg()
    model = config.MODEL
    config.MODEL.DEVICE = "cpu"
    model.META_ARCHITECTURE, model.MASK_ON = "GeneralizedRCNN", True
    model.BACKBONE.NAME = "build_resnet_fpn_backbone"
    model.RESNETS.OUT_FEATURES = ["res2", "res3", "res4", "res5"]
    model.RESNETS.DEPTH = 50 if preset(name).backbone == "resnet50" else 101
    model.FPN.IN_FEATURES = ["res2", "res3", "res4", "res5"]
    model.ANCHOR_GENERATOR.SIZES = [[32], [64], [128], [256], [512]]
    model.ANCHOR_GENERATOR.ASPECT_RATIOS = [[0.5, 1.0, 2.0]]
    model.RPN.IN_FEATURES = ["p2", "p3", "p4", "p5", "p6"]
    model.RPN.PRE_NMS_TOPK_TEST = model.RPN.POST_NMS_TOPK_TEST = 1000
    model.ROI_HEADS.NAME, model.ROI_HEADS.NUM_CLASSES = "StandardROIHeads", NUM_CLASSES - 1
    model.ROI_HEADS.IN_FEATURES = ["p2", "p3", "p4", "p5"]
    box, mask = model.ROI_BOX_HEAD, model.ROI_MASK_HEAD
    box.NAME, box.NUM_FC, box.POOLER_RESOLUTION = "FastRCNNConvFCHead", 2, 7
    mask.NAME, mask.NUM_CONV, mask.POOLER_RESOLUTION = "MaskRCNNConvUpsampleHead", 4, 14
    box.POOLER_SAMPLING_RATIO = mask.POOLER_SAMPLING_RATIO = samples
    network = build_model(config).eval()
    state = {k: torch.from_numpy(v) for k, v in seeded_detectron2(preset(name)).items()}
    # The zoo's files have these; the network keeps them apart.
    assert torch.equal(state.pop("pixel_mean"), network.pixel_mean)
    assert torch.equal(state.pop("pixel_std"), network.pixel_std)
    missing, unexpected = network.load_state_dict(state, strict=False)
    assert not unexpected, unexpected
    assert all("cell_anchors" in key for key in missing), missing
    return network


@torch.inference_mode()
def detect(network: Any, image: NDArray[np.uint8]) -> dict[str, NDArray[np.generic]]:
    """Detections at the image's own size, with masks as the mask head gives them."""
    bgr = torch.from_numpy(image[:, :, ::-1].copy()).permute(2, 0, 1)
    [found] = network.inference([{"image": bgr}], do_postprocess=False)
    return {
        "boxes": found.pred_boxes.tensor.numpy(),
        "scores": found.scores.numpy(),
        "labels": (found.pred_classes + 1).numpy().astype(np.uint8),
        "masks": (found.pred_masks[:, 0].numpy() * 65535).round().astype(np.uint16),
    }


if __name__ == "__main__":
    main()
