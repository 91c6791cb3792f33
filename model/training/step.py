"""One step of training, and the device that takes it."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from model.training.batches import Batch

# Clipping bounds the step that a single odd photograph can cause.
_MAX_GRADIENT_NORM = 10.0
# As PyTorch names the instructions: of Intel and AMD, of Arm.
_BFLOAT16 = ("avx512_bf16", "amx_bf16", "bf16", "sve_bf16")


def training_step(
    model: nn.Module, optimizer: torch.optim.Optimizer, batch: Batch
) -> dict[str, float]:
    """Take one step and return the losses by name.

    Raises FloatingPointError, and leaves the weights, where loss or gradient is no number.
    """
    device = batch.images[0].device.type
    with torch.autocast(device, torch.bfloat16, enabled=has_bfloat16(device)):
        losses: dict[str, Tensor] = model(batch.images, batch.targets)
    total = torch.stack(list(losses.values())).sum()
    optimizer.zero_grad()
    total.backward()
    norm = nn.utils.clip_grad_norm_(model.parameters(), _MAX_GRADIENT_NORM)
    if not torch.isfinite(total + norm):
        paths = ", ".join(map(str, batch.paths))
        raise FloatingPointError(
            f"The loss is {total.item()} and its gradient {norm.item()} over {paths}."
        )
    optimizer.step()
    return {name: loss.item() for name, loss in losses.items()}


def has_bfloat16(device: str) -> bool:
    """Whether the device, cpu or cuda, has instructions for bfloat16.

    Without, a CPU imitates it: a 3×3 convolution of 96 channels takes five times float32's time
    on a Xeon with AVX-512 alone. Graphics cards before 2020 have none.
    """
    if device == "cuda":
        return torch.cuda.is_bf16_supported()
    known = torch.cpu.get_capabilities()
    return any(known.get(name, False) for name in _BFLOAT16)


def choose_device() -> torch.device:
    """Return CUDA where there is some; else the CPU, whose sums then have one order.

    On CUDA, PyTorch's deterministic RoIAlign is too slow to train with.
    """
    if torch.cuda.is_available():
        return torch.device("cuda")
    torch.use_deterministic_algorithms(mode=True)
    torch.utils.deterministic.fill_uninitialized_memory = False
    return torch.device("cpu")
