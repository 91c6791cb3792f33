"""The presets: every number that shapes a network, in frozen dataclasses.

Field names are torchvision's where it has one, so a value can be looked up in
`torchvision/models/detection/mask_rcnn.py` and `faster_rcnn.py`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

BackboneName = Literal["resnet50", "resnet101", "efficientnet_lite0"]
# Whose arithmetic a network has, and whose checkpoints it takes.
Family = Literal["torchvision", "matterport", "detectron2"]

# Bottleneck blocks in the four stages whose outputs are C2..C5.
RESNET50_BLOCKS = (3, 4, 6, 3)
RESNET101_BLOCKS = (3, 4, 23, 3)
RESNET_BLOCKS: dict[str, tuple[int, ...]] = {
    "resnet50": RESNET50_BLOCKS,
    "resnet101": RESNET101_BLOCKS,
}
# Channels inside each of them, between the 1×1 convolutions.
RESNET50_WIDTHS = (64,) * 3 + (128,) * 4 + (256,) * 6 + (512,) * 3


@dataclass(frozen=True, slots=True)
class InvertedResidual:
    """One EfficientNet-Lite block: expand 1×1, depthwise k×k, project 1×1."""

    kernel: int
    stride: int
    expansion: int
    in_channels: int
    out_channels: int

    @property
    def width(self) -> int:
        """Channels inside the block, of the depthwise convolution."""
        return self.in_channels * self.expansion

    @property
    def is_residual(self) -> bool:
        """Whether the block's input is added to its output."""
        return self.stride == 1 and self.in_channels == self.out_channels


EFFICIENTNET_LITE0_STEM = 32
EFFICIENTNET_LITE0_BLOCKS = (
    InvertedResidual(3, 1, 1, 32, 16),
    InvertedResidual(3, 2, 6, 16, 24),
    InvertedResidual(3, 1, 6, 24, 24),
    InvertedResidual(5, 2, 6, 24, 40),
    InvertedResidual(5, 1, 6, 40, 40),
    InvertedResidual(3, 2, 6, 40, 80),
    InvertedResidual(3, 1, 6, 80, 80),
    InvertedResidual(3, 1, 6, 80, 80),
    InvertedResidual(5, 1, 6, 80, 112),
    InvertedResidual(5, 1, 6, 112, 112),
    InvertedResidual(5, 1, 6, 112, 112),
    InvertedResidual(5, 2, 6, 112, 192),
    InvertedResidual(5, 1, 6, 192, 192),
    InvertedResidual(5, 1, 6, 192, 192),
    InvertedResidual(5, 1, 6, 192, 192),
    InvertedResidual(3, 1, 6, 192, 320),
)
# The last block at strides 4, 8, 16 and 32: C2..C5.
EFFICIENTNET_LITE0_OUTPUTS = (2, 4, 10, 15)

# Of C5: sides of the input shapes are multiples of it.
COARSEST_STRIDE = 32

RESNET101_WIDTHS = (64,) * 3 + (128,) * 4 + (256,) * 23 + (512,) * 3

_BLOCK_WIDTHS: dict[BackboneName, tuple[int, ...]] = {
    "resnet50": RESNET50_WIDTHS,
    "resnet101": RESNET101_WIDTHS,
    "efficientnet_lite0": tuple(block.width for block in EFFICIENTNET_LITE0_BLOCKS),
}


@dataclass(frozen=True, slots=True)
class Preset:
    """One Mask R-CNN: network, inference settings, and the shapes it is exported with."""

    name: str
    backbone: BackboneName
    # Pixels enter as (uint8 - mean) / std, per RGB channel.
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    # The photograph is scaled so that its short side is `min_size`, unless its
    # long side would then pass `max_size`. Pixels.
    min_size: int
    max_size: int
    # Static input shapes (height, width) of the .tflite, one signature each.
    buckets: dict[str, tuple[int, int]]

    family: Family = "torchvision"
    # "fit": as large as a bucket allows, at its top left. "square": never enlarged beyond
    # min_size, in the bucket's middle.
    resize_mode: Literal["fit", "square"] = "fit"
    # Channels inside each residual block of the backbone; None stands for the architecture's.
    backbone_widths: tuple[int, ...] | None = None
    # Convolutions of the FPN, the box head and the mask head carry BatchNorm (the v2 recipe).
    head_norm: bool = False
    batch_norm_epsilon: float = 1e-5
    fpn_channels: int = 256

    # One size per pyramid level P2..P6 (strides 4, 8, 16, 32, 64), pixels.
    anchor_sizes: tuple[float, ...] = (32, 64, 128, 256, 512)
    # Height over width.
    anchor_ratios: tuple[float, ...] = (0.5, 1.0, 2.0)
    # An anchor at every position, or at every second one.
    anchor_stride: int = 1

    # What matterport's deltas of dy, dx, dh, dw are multiplied by; folded in at import.
    rpn_delta_std: tuple[float, float, float, float] = (0.1, 0.1, 0.2, 0.2)
    box_delta_std: tuple[float, float, float, float] = (0.1, 0.1, 0.2, 0.2)

    rpn_convs: int = 1
    rpn_pre_nms_top_n: int = 1000
    rpn_post_nms_top_n: int = 1000
    rpn_nms_thresh: float = 0.7

    # Convolutions before the fully connected layers: 0 is "two FC", 4 is v2's head.
    box_head_convs: int = 0
    # torchvision's names of the fully connected layers.
    box_head_fcs: tuple[str, ...] = ("fc6", "fc7")
    box_head_width: int = 1024
    # The first fully connected layer as the product of two, with this many values in between.
    box_head_rank: int | None = None
    box_score_thresh: float = 0.05
    box_nms_thresh: float = 0.5
    box_detections_per_img: int = 100
    # The (proposal, class) pairs that enter the last NMS, best first. torchvision takes
    # all above box_score_thresh; a static graph needs a bound.
    box_candidates: int = 2000

    mask_head_channels: tuple[int, ...] = (256, 256, 256, 256)
    mask_predictor_channels: int = 256

    @property
    def block_widths(self) -> tuple[int, ...]:
        """Channels inside each residual block of the backbone."""
        return self.backbone_widths or _BLOCK_WIDTHS[self.backbone]

    @property
    def box_head_reduction(self) -> str:
        """The layer that precedes the first fully connected one if there is a box_head_rank."""
        return f"{self.box_head_fcs[0]}_reduce"

    def at_long_side(self, pixels: int) -> Preset:
        """Return the same network for photographs that enter larger or smaller.

        pixels: the long side of the largest bucket, a multiple of 32; everything else is in
        proportion, rounded to such multiples.
        """
        factor = pixels / max(map(max, self.buckets.values()))
        return replace(
            self,
            min_size=round(self.min_size * factor),
            max_size=round(self.max_size * factor),
            buckets={
                name: (_whole_strides(height * factor), _whole_strides(width * factor))
                for name, (height, width) in self.buckets.items()
            },
        )


def _whole_strides(side: float) -> int:
    return max(round(side / COARSEST_STRIDE), 1) * COARSEST_STRIDE


# What `maskdrop model slim` changes of a preset.
SLIMMABLE = (
    "backbone_widths",
    "box_head_width",
    "box_head_rank",
    "mask_head_channels",
    "mask_predictor_channels",
)
# What a version may have otherwise than its preset; its manifest says so.
CHANGEABLE = (
    *SLIMMABLE,
    "fpn_channels",
    "anchor_sizes",
    "anchor_ratios",
    "anchor_stride",
    "rpn_pre_nms_top_n",
    "rpn_post_nms_top_n",
    "rpn_nms_thresh",
    "box_score_thresh",
    "box_nms_thresh",
    "box_detections_per_img",
)
# Of those, the ones from 0 to 1, and the ones that need not be whole.
THRESHOLDS = ("rpn_nms_thresh", "box_score_thresh", "box_nms_thresh")
FRACTIONS = (*THRESHOLDS, "anchor_ratios", "anchor_sizes")

IMAGENET_MEAN = (123.675, 116.28, 103.53)
IMAGENET_STD = (58.395, 57.12, 57.375)

_COCO_BUCKETS = {"landscape": (800, 1088), "portrait": (1088, 800), "square": (800, 800)}

COCO_R50 = Preset(
    name="coco-r50",
    backbone="resnet50",
    mean=IMAGENET_MEAN,
    std=IMAGENET_STD,
    min_size=800,
    max_size=1333,
    buckets=_COCO_BUCKETS,
    # torchvision sets epsilon to 0 for its COCO_V1 weights (`overwrite_eps`).
    batch_norm_epsilon=0.0,
)

COCO_R50_V2 = Preset(
    name="coco-r50-v2",
    backbone="resnet50",
    mean=IMAGENET_MEAN,
    std=IMAGENET_STD,
    min_size=800,
    max_size=1333,
    buckets=_COCO_BUCKETS,
    head_norm=True,
    rpn_convs=2,
    box_head_convs=4,
    box_head_fcs=("5",),
)

EDGE = Preset(
    name="edge",
    backbone="efficientnet_lite0",
    # 127 is a pixel value, so padding is exactly zero after normalisation.
    mean=(127.0, 127.0, 127.0),
    std=(128.0, 128.0, 128.0),
    min_size=512,
    max_size=512,
    buckets={"landscape": (384, 512), "portrait": (512, 384), "square": (512, 512)},
    batch_norm_epsilon=1e-3,
    fpn_channels=96,
    anchor_sizes=(24, 48, 96, 192, 384),
    rpn_pre_nms_top_n=300,
    rpn_post_nms_top_n=100,
    box_head_width=512,
    box_candidates=300,
    mask_head_channels=(128, 128, 128, 128),
    mask_predictor_channels=128,
)

# torchvision's arithmetic: these can be trained here.
PRESETS = {preset.name: preset for preset in (EDGE, COCO_R50, COCO_R50_V2)}

_MATTERPORT_R101 = Preset(
    name="matterport-r101",
    family="matterport",
    backbone="resnet101",
    mean=(123.7, 116.8, 103.9),
    std=(1.0, 1.0, 1.0),
    min_size=800,
    max_size=1024,
    buckets={"square": (1024, 1024)},
    resize_mode="square",
    batch_norm_epsilon=1e-3,
    # Its ratios are width over height.
    anchor_ratios=(2.0, 1.0, 0.5),
    # Over all levels together.
    rpn_pre_nms_top_n=6000,
    box_score_thresh=0.7,
    box_nms_thresh=0.3,
)

_DETECTRON2_R50 = Preset(
    name="detectron2-r50",
    family="detectron2",
    backbone="resnet50",
    # Its pixels are BGR in 0..255; the stem's filters are turned round at import.
    mean=(123.675, 116.28, 103.53),
    std=(1.0, 1.0, 1.0),
    min_size=800,
    max_size=1333,
    buckets=_COCO_BUCKETS,
)

# Checkpoints of other projects, with their arithmetic: imported, exported and served.
IMPORTED_PRESETS = {
    preset.name: preset
    for preset in (
        replace(_MATTERPORT_R101, name="matterport-r50", backbone="resnet50"),
        _MATTERPORT_R101,
        _DETECTRON2_R50,
        replace(_DETECTRON2_R50, name="detectron2-r101", backbone="resnet101"),
    )
}
KNOWN_PRESETS = PRESETS | IMPORTED_PRESETS
