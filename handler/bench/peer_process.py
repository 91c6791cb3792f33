"""One peer, in an environment of its own: loads the same weights, then detects on request.

    python peer_process.py torchvision|onnxruntime CHECKPOINT PRESET THREADS

A line on standard input names a photograph and a threshold, as JSON; a line on standard output
answers milliseconds by the clock and the processor, and what was found. It imports nothing of
Maskdrop, which is not installed there.
"""

from __future__ import annotations

import io
import json
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torchvision
from PIL import Image

PRESETS = {
    "coco-r50": torchvision.models.detection.maskrcnn_resnet50_fpn,
    "coco-r50-v2": torchvision.models.detection.maskrcnn_resnet50_fpn_v2,
}
MASK_THRESHOLD = 0.5

Array = Any  # a NumPy array: the peers' environment may have another NumPy
# An image (3, height, width) of 0 to 1 -> boxes, labels, scores, masks.
Run = Callable[[Any], Sequence[Array]]


def torchvision_model(checkpoint: str, preset: str) -> Any:
    """The model in eval mode, with the checkpoint's weights and torchvision's own settings."""
    state = torch.load(checkpoint, weights_only=True)
    classes = len(state["roi_heads.box_predictor.cls_score.bias"])
    model = PRESETS[preset](weights=None, weights_backbone=None, num_classes=classes)
    model.load_state_dict(state)
    # What torchvision does to its own COCO_V1 weights.
    if preset == "coco-r50":
        from torchvision.models.detection._utils import overwrite_eps

        overwrite_eps(model, 0.0)
    return model.eval()


def eager(model: Any) -> Run:
    """Run torchvision as it is."""

    def run(image: Any) -> Sequence[Array]:
        with torch.inference_mode():
            found = model([image])[0]
        return [found[name].numpy() for name in ("boxes", "labels", "scores", "masks")]

    return run


def onnx(model: Any, threads: int, example: Any) -> Run:
    """Export the whole model, and run it by ONNX Runtime."""
    import onnxruntime

    file = io.BytesIO()
    torch.onnx.export(
        model,
        ([example],),
        file,
        opset_version=17,
        dynamo=False,
        input_names=["image"],
        dynamic_axes={"image": {1: "height", 2: "width"}},
    )
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(
        file.getvalue(), options, providers=["CPUExecutionProvider"]
    )
    return lambda image: session.run(None, {"image": image.numpy()})


def encode(mask: Array, height: int, width: int) -> list[int]:
    """COCO's run lengths of a mask (height, width), column by column."""
    flat = mask.T.reshape(-1)
    changes = np.flatnonzero(np.diff(flat, prepend=False))
    runs: list[int] = np.diff(changes, prepend=0, append=height * width).tolist()
    return runs


def detect(run: Run, data: bytes, threshold: float) -> dict[str, Any]:
    """From a file's bytes to boxes and run lengths."""
    pixels = np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))
    image = torch.from_numpy(pixels.copy()).permute(2, 0, 1).float().div_(255)
    boxes, labels, scores, masks = run(image)
    kept = np.flatnonzero(scores >= threshold)
    runs = [encode(masks[each, 0] > MASK_THRESHOLD, *pixels.shape[:2]) for each in kept]
    return {
        "boxes": boxes[kept].tolist(),
        "labels": labels[kept].tolist(),
        "scores": scores[kept].tolist(),
        "runs": sum(map(len, runs)),
    }


def main() -> None:
    """Answer line by line until the input ends."""
    kind, checkpoint, preset, threads = sys.argv[1:5]
    torch.set_num_threads(int(threads))
    model = torchvision_model(checkpoint, preset)
    run = eager(model) if kind == "torchvision" else None
    print(json.dumps({"ready": kind}), flush=True)
    for line in sys.stdin:
        asked = json.loads(line)
        data = Path(asked["photograph"]).read_bytes()
        if run is None:
            pixels = np.asarray(Image.open(io.BytesIO(data)).convert("RGB")).copy()
            example = torch.from_numpy(pixels).permute(2, 0, 1).float().div_(255)
            run = onnx(model, int(threads), example)
        began, before = time.perf_counter(), time.process_time()
        found = detect(run, data, asked["threshold"])
        found["wall_ms"] = (time.perf_counter() - began) * 1e3
        found["cpu_ms"] = (time.process_time() - before) * 1e3
        print(json.dumps(found), flush=True)


if __name__ == "__main__":
    main()
