"""Score a network while it trains, through the runtime that serves it later."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torchvision.models.detection import MaskRCNN
from torchvision.models.detection.image_list import ImageList

from model.config import Preset
from model.evaluation.detect import detect_all
from model.evaluation.scores import evaluate
from model.evaluation.truth import Truth
from model.runtime.backends import Keep, RawDetections
from model.runtime.manifest import ModelClass, ModelManifest
from model.runtime.predictor import Predictor
from model.weights.import_model import preprocessing_of


@dataclass(frozen=True, slots=True)
class TorchBackend:
    """A runtime backend that asks a torchvision network."""

    model: MaskRCNN

    @torch.inference_mode()
    def run(
        self, image: NDArray[np.uint8], image_size: tuple[int, int], bucket: str, keep: Keep
    ) -> RawDetections:
        """Detect in `image` (H, W, 3), whose top left `image_size` (h, w) is the photograph."""
        device = next(self.model.parameters()).device
        pixels = torch.tensor(image, device=device).permute(2, 0, 1).float() / 255
        images = ImageList(self.model.transform.normalize(pixels)[None], [image_size])
        maps = self.model.backbone(images.tensors)
        proposals, _ = self.model.rpn(images, maps)
        found, _ = self.model.roi_heads(maps, proposals, images.image_sizes)
        boxes, scores, labels, masks = (
            found[0][name].cpu().numpy() for name in ("boxes", "scores", "labels", "masks")
        )
        labels = labels.astype(np.int32)
        kept = keep(scores, labels)
        return RawDetections(boxes[kept], scores[kept], labels[kept], masks[kept, 0])


def validate(
    model: MaskRCNN,
    truth: Truth,
    preset: Preset,
    classes: Sequence[ModelClass],
    stopped: Callable[[], bool],
) -> dict[str, float] | None:
    """Return AP and AP50, overall and `AP name` by class; None when stopped on the way.

    Over masks, or over boxes where there is no mask. Raises DataError for a photograph that
    cannot be read.
    """
    predictor = Predictor(_manifest(preset, classes), TorchBackend(model))
    results = []
    for found in detect_all(predictor, truth):
        if stopped():
            return None
        results.extend(found)
    scores = evaluate(truth, results, "segm" if truth.has_masks else "bbox").scores
    by_class = {f"AP {each.name}": each.ap for each in scores.classes if each.objects}
    return {"AP": scores.ap, "AP50": scores.ap50, **by_class}


def _manifest(preset: Preset, classes: Sequence[ModelClass]) -> ModelManifest:
    """Describe the network as it will be imported."""
    return ModelManifest(
        name="training",
        version=1,
        preset=preset.name,
        classes=tuple(classes),
        preprocessing=preprocessing_of(preset),
        files={},
        source="",
        licence="",
        created="",
    )
