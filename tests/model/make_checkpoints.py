"""Write the small checkpoints that test_checkpoint.py reads, with the real PyTorch.

    python tests/model/make_checkpoints.py     (needs the extra `train`; made with torch 2.14.1)

Each file of `checkpoints/` shows one thing that torch.save does.
"""

import argparse
from collections import OrderedDict
from pathlib import Path

import torch
from torch import nn

FOLDER = Path(__file__).parent / "checkpoints"


def ramp(*shape: int) -> torch.Tensor:
    """-3, -2.875, -2.75 … in that shape: exact in every floating-point type."""
    return (torch.arange(torch.Size(shape).numel()) / 8 - 3).reshape(shape)


def every_kind() -> OrderedDict[str, torch.Tensor]:
    shared = ramp(6)
    return OrderedDict(
        float32=ramp(2, 3, 4),
        float64=ramp(5).double(),
        float16=ramp(5).half(),
        bfloat16=ramp(5).bfloat16(),
        int64=torch.tensor([-1, 0, 2**40]),
        int32=torch.tensor([-1, 0, 2**30], dtype=torch.int32),
        uint8=torch.tensor([0, 1, 255], dtype=torch.uint8),
        bool=torch.tensor([True, False, True]),
        scalar=torch.tensor(0.5),
        empty=torch.empty(0, 3),
        transposed=ramp(2, 3, 4).permute(2, 0, 1),
        sliced=ramp(4, 5)[1:3, ::2],
        shared=shared,
        shared_tail=shared[4:],
        parameter=nn.Parameter(ramp(3)),
    )


def training_run() -> dict[str, object]:
    """Return what torchvision's references/detection/train.py saves after an epoch."""
    model = nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.02, momentum=0.9, weight_decay=1e-4)
    model(torch.eye(3)).square().sum().backward()
    optimizer.step()
    schedule = torch.optim.lr_scheduler.MultiStepLR(optimizer, milestones=[16, 22], gamma=0.1)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(ramp(*parameter.shape))
    return {
        "model": model.state_dict(),
        "optimizer": optimizer.state_dict(),
        "lr_scheduler": schedule.state_dict(),
        "args": argparse.Namespace(model="maskrcnn_resnet50_fpn", lr=0.02, lr_steps=[16, 22]),
        "epoch": 25,
    }


def parallel() -> dict[str, object]:
    return {"state_dict": {"module.weight": ramp(2, 2), "module.bias": ramp(2)}}


def main() -> None:
    torch.manual_seed(0)
    FOLDER.mkdir(exist_ok=True)
    for name, content in (("kinds", every_kind()), ("training", training_run())):
        torch.save(content, FOLDER / f"{name}_zip.pth")
        torch.save(content, FOLDER / f"{name}_legacy.pth", _use_new_zipfile_serialization=False)
    torch.save(parallel(), FOLDER / "parallel_protocol4.pth", pickle_protocol=4)
    torch.save(nn.Linear(2, 2), FOLDER / "whole_model.pth")


if __name__ == "__main__":
    main()
