"""Remove whole channels, the ones that matter least (structured pruning).

A channel is a filter and a bias of the layer that makes it, and one input's weights in
every layer that reads it; a depthwise convolution in between has a filter and a bias for
it too. All of these go together, and what is left is a plain smaller network. Only
channels inside a block or a head can go: those that residual sums and the pyramid pass
on have too many readers.

A channel matters by the product of the L2 norms of its parts, where a depthwise bias adds
to what comes before it by the root of the squares. The norm of the filter
alone is the criterion of Li et al. (2017, https://arxiv.org/abs/1608.08710), parts that
depend on each other are judged as one in DepGraph (Fang et al., 2023,
https://arxiv.org/abs/2301.12900), and a product does not change when a ReLU lets a factor
wander from a layer to the next one (Nagel et al., 2019, https://arxiv.org/abs/1906.04721).
"""

from __future__ import annotations

import enum
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from model.config import EFFICIENTNET_LITE0_BLOCKS, RESNET50_BLOCKS, Preset
from model.runtime.errors import SlimmingError

Array = NDArray[np.float32]

# int8 kernels take channels by eights.
MULTIPLE = 8


class Part(enum.StrEnum):
    """Where channels can go."""

    BACKBONE = "backbone"
    BOX_HEAD = "box-head"
    MASK_HEAD = "mask-head"


@dataclass(frozen=True, slots=True)
class Channels:
    """The channels between layers: who makes them, who filters each alone, who reads them.

    blocks: how often the maker repeats all channels, one run of them after another (a 2×2
    transposed convolution makes four pixels).
    """

    maker: str
    readers: tuple[str, ...]
    depthwise: str | None = None
    blocks: int = 1

    def importance(self, weights: Mapping[str, Array]) -> NDArray[np.float64]:
        """How much each channel matters: (C,)."""
        matters = self._norm(weights, (f"{self.maker}.weight", -1), (f"{self.maker}.bias", -1))
        if self.depthwise:
            # A depthwise bias counts even for zero input.
            matters *= self._norm(weights, (f"{self.depthwise}.weight", -2))
            matters = np.hypot(matters, weights[f"{self.depthwise}.bias"])
        return matters * self._norm(weights, *((f"{each}.weight", -2) for each in self.readers))

    def keep(self, weights: Mapping[str, Array], kept: NDArray[np.int64]) -> dict[str, Array]:
        """Cut every layer that has a part in the channels to those of the given indices."""
        count = self._count(weights)
        of_maker = np.concatenate([kept + block * count for block in range(self.blocks)])
        slices = [(f"{self.maker}.weight", -1, of_maker), (f"{self.maker}.bias", -1, of_maker)]
        slices += [(f"{reader}.weight", -2, kept) for reader in self.readers]
        if self.depthwise:
            slices += [(f"{self.depthwise}.weight", -2, kept), (f"{self.depthwise}.bias", -1, kept)]
        return {name: weights[name].take(indices, axis) for name, axis, indices in slices}

    def _norm(self, weights: Mapping[str, Array], *slices: tuple[str, int]) -> NDArray[np.float64]:
        """L2 norm over all that arrays have for a channel, given the channels' axis: (C,)."""
        count = self._count(weights)
        rows = [np.moveaxis(weights[name], axis, -1).reshape(-1, count) for name, axis in slices]
        norm: NDArray[np.float64] = np.linalg.norm(np.concatenate(rows, dtype=np.float64), axis=0)
        return norm

    def _count(self, weights: Mapping[str, Array]) -> int:
        return weights[f"{self.maker}.bias"].size // self.blocks


def prune(
    weights: Mapping[str, Array],
    preset: Preset,
    ratio: float,
    parts: Collection[Part] = tuple(Part),
) -> tuple[dict[str, Array], Preset]:
    """Remove the share `ratio` of every layer's channels in the given parts of the network.

    What is left is rounded to a multiple of 8. Returns the weights and their preset.
    Raises SlimmingError for a share outside (0, 1).
    """
    if not 0 < ratio < 1:
        raise SlimmingError(f"The share to prune is {ratio}; it must lie between 0 and 1.")
    cut = _Cut(dict(weights), ratio)
    changes: dict[str, Any] = {}
    if Part.BACKBONE in parts:
        blocks = zip(_backbone(preset), preset.block_widths, strict=True)
        changes["backbone_widths"] = tuple(cut.narrow(inside, width) for inside, width in blocks)
    if Part.BOX_HEAD in parts:
        changes["box_head_width"] = cut.narrow(_box_head(preset), preset.box_head_width)
    if Part.MASK_HEAD in parts:
        *convs, predictor = zip(
            _mask_head(preset),
            (*preset.mask_head_channels, preset.mask_predictor_channels),
            strict=True,
        )
        changes["mask_head_channels"] = tuple(cut.narrow([each], width) for each, width in convs)
        changes["mask_predictor_channels"] = cut.narrow([predictor[0]], predictor[1])
    return cut.weights, replace(preset, **changes)


@dataclass(slots=True)
class _Cut:
    """Weights from which the same share of channels is taken here and there."""

    weights: dict[str, Array]
    ratio: float

    def narrow(self, groups: Sequence[Channels], width: int) -> int:
        """Cut groups of `width` channels each, and return their new width."""
        if not groups:
            return width
        fewer = min(width, max(1, round(width * (1 - self.ratio) / MULTIPLE)) * MULTIPLE)
        for group in groups:
            least_first = np.argsort(group.importance(self.weights), kind="stable")
            self.weights |= group.keep(self.weights, np.sort(least_first[width - fewer :]))
        return fewer


def _backbone(preset: Preset) -> list[list[Channels]]:
    """The channels inside each residual block, which all have the block's width."""
    body = "backbone.body"
    if preset.backbone == "resnet50":
        blocks = [
            f"{body}.layer{stage}.{block}"
            for stage, count in enumerate(RESNET50_BLOCKS, start=1)
            for block in range(count)
        ]
        return [
            [Channels(f"{at}.conv{index}", (f"{at}.conv{index + 1}",)) for index in (1, 2)]
            for at in blocks
        ]
    return [
        # Without expansion the inside is the block's input, which the stem makes.
        [_inverted_residual(f"{body}._blocks.{index}")] if block.expansion > 1 else []
        for index, block in enumerate(EFFICIENTNET_LITE0_BLOCKS)
    ]


def _inverted_residual(at: str) -> Channels:
    return Channels(f"{at}._expand_conv", (f"{at}._project_conv",), f"{at}._depthwise_conv")


def _box_head(preset: Preset) -> list[Channels]:
    head, predictor = "roi_heads.box_head", "roi_heads.box_predictor"
    fcs = [f"{head}.{name}" for name in preset.box_head_fcs]
    groups = [Channels(fc, (following,)) for fc, following in pairwise(fcs)]
    return [*groups, Channels(fcs[-1], (f"{predictor}.cls_score", f"{predictor}.bbox_pred"))]


def _mask_head(preset: Preset) -> list[Channels]:
    head, predictor = "roi_heads.mask_head", "roi_heads.mask_predictor"
    convs = [f"{head}.{index}.0" for index in range(len(preset.mask_head_channels))]
    upsample, logits = f"{predictor}.conv5_mask", f"{predictor}.mask_fcn_logits"
    groups = [Channels(conv, (following,)) for conv, following in pairwise([*convs, upsample])]
    return [*groups, Channels(upsample, (logits,), blocks=4)]
