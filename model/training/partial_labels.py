"""Losses for photographs in which not every class is labelled.

An unlabelled object is not background. Three rules keep it out of the loss:

1. A region in an ignored area (a crowd, an object cropped almost away) is neither
   object nor background.
2. Where a class is not labelled, its logit takes no part in the softmax of a
   background region: nothing pushes it down.
3. Where nothing is labelled in full, only regions near a labelled object, or inside one,
   count as background; elsewhere may be anything. For the class-agnostic RPN the same holds
   of every partly labelled photograph once the network itself sees an object there.

Targets are torchvision's, and for K classes: `ignore` (M, 4) boxes, `labeled` (K,)
bool of the classes labelled in full (index 0, background, is always true), and
`has_mask` (N,) bool of the objects with a mask (the others have a box only).
"""

from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor
from torchvision.models.detection import MaskRCNN
from torchvision.models.detection.roi_heads import RoIHeads, maskrcnn_loss
from torchvision.models.detection.rpn import RegionProposalNetwork
from torchvision.ops import box_iou

Target = dict[str, Tensor]

IGNORED = -1
# Overlap with a labelled object (IoU) from which a region is certainly about that object.
NEAR = 0.1
# Share of a region inside a labelled object from which it is a part of it: a head, a leg.
PART = 0.8
# Share of a region inside an ignored area from which the region is ignored.
INSIDE = 0.5
# Objectness from which an unmatched anchor may well be an unlabelled object.
OBJECT = 0.7


def unknown_regions(regions: Tensor, target: Target) -> tuple[Tensor, Tensor]:
    """Tell which regions (R, 4) lie in an ignored area, and which are far from every object.

    Returns two (R,) bool tensors.
    """
    none = torch.zeros(len(regions), dtype=torch.bool, device=regions.device)
    crowded = none
    if len(target["ignore"]):
        crowded = _covered(regions, target["ignore"]).amax(1) > INSIDE
    far = ~none
    if len(target["boxes"]):
        boxes = target["boxes"]
        far = (box_iou(regions, boxes) < NEAR) & (_covered(regions, boxes) < PART)
        far = far.all(1)
    return crowded, far


def _covered(regions: Tensor, areas: Tensor) -> Tensor:
    """Share of each region (R, 4) that each area (M, 4) covers -> (R, M)."""
    corner = torch.maximum(regions[:, None, :2], areas[None, :, :2])
    opposite = torch.minimum(regions[:, None, 2:], areas[None, :, 2:])
    sides = (opposite - corner).clamp(min=0)
    own = (regions[:, 2:] - regions[:, :2]).prod(1).clamp(min=1e-6)
    return sides.prod(2) / own[:, None]


class PartialLabelRPN(RegionProposalNetwork):
    """torchvision's RPN with rules 1 and 3."""

    def assign_targets_to_anchors(
        self, anchors: list[Tensor], targets: list[Target]
    ) -> tuple[list[Tensor], list[Tensor]]:
        """Label every anchor 1 (object), 0 (background) or -1 (ignored)."""
        labels, matched = super().assign_targets_to_anchors(anchors, targets)
        self._doubtful = []
        for label, anchor, target in zip(labels, anchors, targets, strict=True):
            crowded, far = unknown_regions(anchor, target)
            label[crowded & (label == 0)] = IGNORED
            if not target["labeled"][1:].any():
                label[far & (label == 0)] = IGNORED
            self._doubtful.append(far & (not target["labeled"].all()))
        return labels, matched

    def compute_loss(
        self,
        objectness: Tensor,
        pred_bbox_deltas: Tensor,
        labels: list[Tensor],
        regression_targets: list[Tensor],
    ) -> tuple[Tensor, Tensor]:
        """Objectness and box loss over sampled anchors."""
        seen = objectness.detach().float().sigmoid().flatten() > OBJECT
        for label, doubtful, object_here in zip(
            labels, self._doubtful, seen.split([len(label) for label in labels]), strict=True
        ):
            label[doubtful & object_here & (label == 0)] = IGNORED
        loss: tuple[Tensor, Tensor] = super().compute_loss(
            objectness.float(), pred_bbox_deltas.float(), labels, regression_targets
        )
        return loss


class PartialLabelRoIHeads(RoIHeads):
    """torchvision's box and mask heads with rules 1 to 3, and objects without a mask."""

    def forward(
        self,
        features: dict[str, Tensor],
        proposals: list[Tensor],
        image_shapes: list[tuple[int, int]],
        targets: list[Target] | None = None,
    ) -> tuple[list[dict[str, Tensor]], dict[str, Tensor]]:
        """Return detections in evaluation, losses in training."""
        if targets is None or not self.training:
            return super().forward(features, proposals, image_shapes, targets)
        proposals, matched, labels, regression = self._sample(proposals, targets)
        crops = self.box_roi_pool(features, proposals, image_shapes)
        logits, deltas = self.box_predictor(self.box_head(crops))
        losses = {
            "loss_classifier": classification_loss(logits.float(), labels, targets),
            "loss_box_reg": box_loss(deltas.float(), labels, regression),
            "loss_mask": self._mask_loss(
                features, proposals, image_shapes, targets, matched, labels
            ),
        }
        return [], losses

    def _sample(
        self, proposals: list[Tensor], targets: list[Target]
    ) -> tuple[list[Tensor], list[Tensor], list[Tensor], Tensor]:
        """Sample proposals as torchvision does, without the ignored ones."""
        boxes = [target["boxes"] for target in targets]
        proposals = self.add_gt_proposals(proposals, boxes)
        matched, labels = self.assign_targets_to_proposals(
            proposals, boxes, [target["labels"] for target in targets]
        )
        for label, proposal, target in zip(labels, proposals, targets, strict=True):
            crowded, far = unknown_regions(proposal, target)
            label[crowded & (label == 0)] = IGNORED
            if not target["labeled"][1:].any():
                label[far & (label == 0)] = IGNORED
        kept = self.subsample(labels)
        matched = [m[k] for m, k in zip(matched, kept, strict=True)]
        labels = [label[k] for label, k in zip(labels, kept, strict=True)]
        proposals = [proposal[k] for proposal, k in zip(proposals, kept, strict=True)]
        truth = [
            box[m] if len(box) else box.new_zeros(len(m), 4)
            for box, m in zip(boxes, matched, strict=True)
        ]
        regression = torch.cat(self.box_coder.encode(truth, proposals))
        return proposals, matched, labels, regression

    def _mask_loss(
        self,
        features: dict[str, Tensor],
        proposals: list[Tensor],
        image_shapes: list[tuple[int, int]],
        targets: list[Target],
        matched: list[Tensor],
        labels: list[Tensor],
    ) -> Tensor:
        """Binary cross-entropy of the masks of positives that have one."""
        chosen = [
            torch.where((label > 0) & target["has_mask"][m])[0] if len(target["boxes"]) else m[:0]
            for label, m, target in zip(labels, matched, targets, strict=True)
        ]
        boxes = [proposal[c] for proposal, c in zip(proposals, chosen, strict=True)]
        crops = self.mask_roi_pool(features, boxes, image_shapes)
        logits = self.mask_predictor(self.mask_head(crops)).float()
        loss: Tensor = maskrcnn_loss(
            logits,
            boxes,
            [target["masks"] for target in targets],
            [target["labels"] for target in targets],
            [m[c] for m, c in zip(matched, chosen, strict=True)],
        )
        return loss


def classification_loss(logits: Tensor, labels: list[Tensor], targets: list[Target]) -> Tensor:
    """Cross-entropy of logits (R, K); unlabelled classes sit out of background regions."""
    label = torch.cat(labels)
    counts = torch.tensor([len(part) for part in labels], device=label.device)
    labeled = torch.stack([target["labeled"] for target in targets]).repeat_interleave(counts, 0)
    # Near a labelled object, background means "not quite that object": every class it
    # could be called is known to be wrong there, when nothing at all is labelled in full.
    silent = (label == 0)[:, None] & ~labeled & labeled[:, 1:].any(1, keepdim=True)
    return F.cross_entropy(logits.masked_fill(silent, float("-inf")), label)


def box_loss(deltas: Tensor, labels: list[Tensor], regression: Tensor) -> Tensor:
    """Smooth L1 over positives, on the deltas (R, 4K) of their class, by all regions."""
    label = torch.cat(labels)
    positive = torch.where(label > 0)[0]
    deltas = deltas.reshape(len(label), -1, 4)[positive, label[positive]]
    loss = F.smooth_l1_loss(deltas, regression[positive], beta=1 / 9, reduction="sum")
    return loss / max(len(label), 1)


def respect_partial_labels(model: MaskRCNN) -> MaskRCNN:
    """Give a torchvision Mask R-CNN these losses; its parameters and inference stay."""
    model.rpn.__class__ = PartialLabelRPN
    model.roi_heads.__class__ = PartialLabelRoIHeads
    return model
