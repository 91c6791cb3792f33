"""Write references/paste.npz: masks as torchvision pastes them.

Run with PyTorch and torchvision installed (extra `train`):
    python tests/runtime/make_paste_references.py

Per frame `i`: size_i (width, height), raw_i (N, S, S) uint8, boxes_i (N, 4), set_i where the
probability is above 0.5, and near_i where it is so close to 0.5 that rounding decides; both are
packed bits of (N, height, width).
"""

from pathlib import Path

import numpy as np
import torch
from torchvision.models.detection.roi_heads import paste_masks_in_image

ROUNDING = 1e-6


def blobs(rng: np.random.Generator, count: int, side: int) -> np.ndarray:
    """Smooth random masks, with soft edges somewhere inside."""
    noise = torch.from_numpy(rng.normal(size=(count, 1, 7, 7)).astype(np.float32))
    smooth = torch.nn.functional.interpolate(noise, size=(side, side), mode="bicubic")
    return (torch.sigmoid(4 * smooth[:, 0]) * 255).round().to(torch.uint8).numpy()


def noise(rng: np.random.Generator, count: int, side: int) -> np.ndarray:
    return rng.integers(0, 256, (count, side, side), dtype=np.uint8)


def inner_boxes(rng: np.random.Generator, count: int, width: int, height: int) -> np.ndarray:
    corners = rng.uniform(0, [width, height], (count, 2, 2))
    return np.concatenate([corners.min(1), corners.max(1)], 1)


def edge_boxes(width: int, height: int) -> np.ndarray:
    """Full frame, single pixels in the corners, no extent, a line, and past every edge."""
    w, h = width, height
    return np.array(
        [
            [0, 0, w, h],
            [0, 0, 1, 1],
            [w - 1, h - 1, w, h],
            [w / 2, h / 2, w / 2, h / 2],
            [0, h / 3, w, h / 3 + 0.4],
            [-9.5, -7.25, w / 2, h / 2],
            [w / 2, h / 2, w + 9.5, h + 7.25],
            [w + 40, h + 40, w + 60, h + 60],
        ]
    )


def main() -> None:
    rng = np.random.default_rng(2026)
    frames = [
        (131, 90, blobs(rng, 6, 28), inner_boxes(rng, 6, 131, 90)),
        (61, 97, noise(rng, 6, 28), inner_boxes(rng, 6, 61, 97)),
        (70, 45, blobs(rng, 8, 28), edge_boxes(70, 45)),
        (33, 40, noise(rng, 8, 14), edge_boxes(33, 40)),
        (1, 1, noise(rng, 8, 28), edge_boxes(1, 1)),
    ]
    arrays = {}
    for i, (width, height, raw, boxes) in enumerate(frames):
        probability = torch.from_numpy(raw)[:, None].float() / 255
        pasted = paste_masks_in_image(
            probability, torch.from_numpy(boxes.astype(np.float32)), (height, width)
        )[:, 0].numpy()
        arrays |= {
            f"size_{i}": np.array([width, height]),
            f"raw_{i}": raw,
            f"boxes_{i}": boxes.astype(np.float32),
            f"set_{i}": np.packbits(pasted > 0.5),
            f"near_{i}": np.packbits(abs(pasted - 0.5) < ROUNDING),
        }
    np.savez_compressed(Path(__file__).parent / "references" / "paste.npz", **arrays)


if __name__ == "__main__":
    main()
