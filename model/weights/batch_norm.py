"""Which epsilon BatchNorm had where a torchvision checkpoint was trained.

torchvision sets it to 0 for its COCO weights of `maskrcnn_resnet50_fpn` and for what is trained
on from them; a model begun from ImageNet's backbone, or from nothing, has 1e-5. A file does not
say which, but for one sign: only `torch.nn.BatchNorm2d`, whose epsilon is 1e-5, counts batches.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from model.weights.state_dict import Say

_USUAL = 1e-5
# A channel's scale that differs by less than this share makes no difference that is seen.
_NOTICED = 0.01


def choose_epsilon(
    given: float | None, default: float, state: Mapping[str, NDArray[Any]], say: Say
) -> float:
    """Return the epsilon that was asked for, or the one that fits the file.

    default: the preset's. say: takes a line where another value would change the weights.
    """
    if given is not None:
        return given
    if default:
        return default
    if any(name.endswith(".num_batches_tracked") for name in state):
        say("BatchNorm epsilon: 1e-5, as the file's BatchNorm layers count batches.")
        return _USUAL
    others, largest = _difference(v for k, v in state.items() if k.endswith(".running_var"))
    if others:
        say(
            f"BatchNorm epsilon: 0, right for torchvision's COCO weights and models begun from "
            f"them. For a model begun from ImageNet's backbone give --batch-norm-epsilon 1e-5: it "
            f"changes {others} channels by over 1 %, one by a factor of {largest:.3g}."
        )
    return default


def _difference(variances: Iterable[NDArray[Any]]) -> tuple[int, float]:
    """How many channels 1e-5 would scale otherwise than 0, and the largest factor between."""
    values = np.concatenate([np.zeros(0), *(np.asarray(each, np.float64) for each in variances)])
    values = values[values > 0]
    factors = np.sqrt((values + _USUAL) / values)
    return int((factors > 1 + _NOTICED).sum()), float(factors.max(initial=1.0))
