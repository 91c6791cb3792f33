"""Another set of anchor ratios for a network that is trained already.

A position of the pyramid has one anchor a ratio (height over width), of one area. The RPN's
last two layers have a row an anchor, and four. A new anchor takes over the rows of an old one,
with the offsets corrected for the difference in shape, so that at first it proposes the boxes
that the old one did: of the one in the same place from flat to tall where there are as many,
else of the nearest in shape.

A anchors per position, C channels.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

SCORES, OFFSETS = "rpn.head.cls_logits", "rpn.head.bbox_pred"


def with_ratios(
    state: Mapping[str, Tensor], old: Sequence[float], new: Sequence[float]
) -> dict[str, Tensor]:
    """Return a state dict of `old` ratios for `new` ones.

    scores (A, C, 1, 1); offsets (4 A, C, 1, 1): dx, dy, dw, dh of every anchor.
    """
    before, after = (torch.tensor(list(each), dtype=torch.float64) for each in (old, new))
    source = _sources(before, after)
    # Of one area: heights grow by the root of this, widths shrink by it.
    ratio = after / before[source]
    taller, wider = ratio.sqrt(), ratio.rsqrt()
    factors = torch.stack([1 / wider, 1 / taller, torch.ones_like(ratio), torch.ones_like(ratio)])
    shifts = torch.stack([torch.zeros_like(ratio)] * 2 + [-wider.log(), -taller.log()])
    weight = state[f"{OFFSETS}.weight"].unflatten(0, (len(before), 4))[source]
    bias = state[f"{OFFSETS}.bias"].unflatten(0, (len(before), 4))[source]
    changed = {f"{SCORES}.{kind}": state[f"{SCORES}.{kind}"][source] for kind in ("weight", "bias")}
    changed[f"{OFFSETS}.weight"] = (weight * factors.T[..., None, None, None]).flatten(0, 1)
    changed[f"{OFFSETS}.bias"] = (bias * factors.T + shifts.T).flatten()
    return {**state, **{name: value.float() for name, value in changed.items()}}


def _sources(before: Tensor, after: Tensor) -> Tensor:
    """Which old anchor each new one takes over: (A,) places in `before`."""
    if len(before) != len(after):
        return (after.log()[:, None] - before.log()).abs().argmin(1)
    source = torch.empty(len(after), dtype=torch.int64)
    source[after.argsort()] = before.argsort()
    return source
