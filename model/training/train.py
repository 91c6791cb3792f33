"""Train the `edge` preset on COCO-format photographs.

    python -m model.training.train --data FOLDER --backbone lite0.pth --run runs/edge

A FOLDER holds `instances_train.json` and `images/`; `--data` may be repeated. The
learning rate follows a cosine over `--minutes` of training, whatever the machine's
speed, and the run goes on from its last checkpoint when started again.
"""

from __future__ import annotations

import argparse
import csv
import math
import time
from copy import deepcopy
from pathlib import Path

import torch
from torch import Tensor
from torch.utils.data import DataLoader
from torchvision.models.detection import MaskRCNN

from model.config import EDGE
from model.training.dataset import (
    BatchSampler,
    DetectionDataset,
    collate,
    read_samples,
    repeat_factors,
)
from model.training.network import edge_mask_rcnn, freeze_early_layers, load_imagenet
from model.training.partial_labels import Target, respect_partial_labels

# Long sides seen in training, pixels. Serving uses 512; objects are met at half to
# 1.6 times these scales through the crops.
SIDES = (288, 352, 416, 512)
WARMUP_STEPS = 200
# Clipping bounds the step that a single odd photograph can cause.
MAX_GRADIENT_NORM = 10.0
SAVE_EVERY_SECONDS = 240


def build_model(num_classes: int, backbone: Path) -> MaskRCNN:
    """Build `edge` with ImageNet weights, partial-label losses and a sampler fit for a CPU."""
    model = edge_mask_rcnn(num_classes)
    load_imagenet(model, backbone)
    freeze_early_layers(model)
    respect_partial_labels(model)
    # Photographs are already at training scale.
    model.transform._skip_resize = True
    # 128 regions an image instead of 512: half the time of the box head, and with
    # a quarter of them positive still more objects than most photographs hold.
    model.roi_heads.fg_bg_sampler.batch_size_per_image = 128
    model.rpn._pre_nms_top_n["training"] = 1000
    model.rpn._post_nms_top_n["training"] = 500
    return model


class MovingAverage:
    """Exponential moving average of the weights: steadier than the last step's."""

    def __init__(self, model: MaskRCNN, decay: float = 0.998) -> None:
        self.model = deepcopy(model).eval()
        self.decay = decay

    @torch.no_grad()
    def update(self, model: MaskRCNN, step: int) -> None:
        """Move towards the model; faster at first, when there is little to remember."""
        decay = min(self.decay, (1 + step) / (10 + step))
        for mean, value in zip(self.model.parameters(), model.parameters(), strict=True):
            mean.lerp_(value, 1 - decay)


def learning_rate(peak: float, step: int, progress: float) -> float:
    """Linear warm-up, then half a cosine down to a hundredth of the peak."""
    warm = min(1.0, (step + 1) / WARMUP_STEPS)
    cosine = 0.5 * (1 + math.cos(math.pi * min(progress, 1.0)))
    return peak * warm * max(cosine, 0.01)


def training_step(
    model: MaskRCNN, optimizer: torch.optim.Optimizer, images: list[Tensor], targets: list[Target]
) -> dict[str, float]:
    """Take one step and return the losses by name."""
    with torch.autocast("cpu", torch.bfloat16):
        losses: dict[str, Tensor] = model(images, targets)
    total = torch.stack(list(losses.values())).sum()
    if not torch.isfinite(total):
        raise FloatingPointError(f"The loss is {total.item()}: {losses}")
    optimizer.zero_grad()
    total.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), MAX_GRADIENT_NORM)
    optimizer.step()
    return {name: loss.item() for name, loss in losses.items()}


def train(arguments: argparse.Namespace) -> None:
    """Train until the minutes are used up."""
    torch.manual_seed(arguments.seed)
    categories: list[int] = arguments.categories
    samples = [
        sample
        for folder in arguments.data
        for sample in read_samples(folder / "instances_train.json", folder / "images", categories)
    ]
    model = build_model(len(categories) + 1, arguments.backbone).train()
    model = model.to(memory_format=torch.channels_last)
    average = MovingAverage(model)
    optimizer = torch.optim.AdamW(
        [p for p in model.parameters() if p.requires_grad], lr=arguments.lr, weight_decay=1e-2
    )
    arguments.run.mkdir(parents=True, exist_ok=True)
    checkpoint = arguments.run / "checkpoint.pth"
    step, elapsed = 0, 0.0
    if checkpoint.exists():
        state = torch.load(checkpoint, weights_only=True)
        model.load_state_dict(state["last"])
        average.model.load_state_dict(state["model"])
        optimizer.load_state_dict(state["optimizer"])
        step, elapsed = state["step"], state["elapsed"]
    loader = DataLoader(
        DetectionDataset(samples, categories),
        batch_sampler=BatchSampler(
            samples, repeat_factors(samples), arguments.batch, SIDES, arguments.seed, step
        ),
        num_workers=1,
        prefetch_factor=4,
        collate_fn=collate,
    )

    def save() -> None:
        partial = checkpoint.with_suffix(".part")
        torch.save(
            {
                "model": average.model.state_dict(),
                "last": model.state_dict(),
                "optimizer": optimizer.state_dict(),
                "step": step,
                "elapsed": elapsed,
            },
            partial,
        )
        partial.replace(checkpoint)

    budget = arguments.minutes * 60
    since, saved = time.monotonic(), elapsed
    for images, targets in loader:
        rate = learning_rate(arguments.lr, step, elapsed / budget)
        for group in optimizer.param_groups:
            group["lr"] = rate
        losses = training_step(model, optimizer, images, targets)
        average.update(model, step)
        step += 1
        now = time.monotonic()
        elapsed, since = elapsed + now - since, now
        log(arguments.run / "losses.csv", {"step": step, "seconds": elapsed, "lr": rate, **losses})
        if elapsed >= budget:
            break
        if elapsed - saved > SAVE_EVERY_SECONDS:
            save()
            saved = elapsed
    save()


def log(path: Path, row: dict[str, float]) -> None:
    """Append a row to a CSV file, after a header if it is new."""
    new = not path.exists()
    with path.open("a", newline="") as file:
        writer = csv.DictWriter(file, row)
        if new:
            writer.writeheader()
        writer.writerow({name: f"{value:.6g}" for name, value in row.items()})


def main() -> None:
    """Read the command line and train."""
    parser = argparse.ArgumentParser(description=f"Train the {EDGE.name} preset.")
    parser.add_argument("--data", type=Path, action="append", required=True)
    parser.add_argument("--backbone", type=Path, required=True, help="ImageNet weights, .pth")
    parser.add_argument("--run", type=Path, required=True, help="folder for checkpoints and log")
    parser.add_argument("--categories", type=int, nargs="+", required=True, help="COCO ids")
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--lr", type=float, default=3e-4)
    parser.add_argument("--seed", type=int, default=0)
    train(parser.parse_args())


if __name__ == "__main__":
    main()
