"""Factor the box head's first fully connected layer (truncated SVD).

Fast R-CNN, section 3.1 (Girshick, 2015, https://arxiv.org/abs/1504.08083): a layer of
I · O weights, W ≈ U Σ Vᵀ with the r largest singular values, is two of r · (I + O)
together; the first has no activation and no bias. There the first takes Σ and Vᵀ; here
each takes the root of Σ, so that both have weights of one size, which int8 and float16 like.

I, O: inputs and outputs of the layer   r: rank
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from model.config import Preset
from model.runtime.errors import SlimmingError
from model.slimming.pruning import MULTIPLE

Array = NDArray[np.float32]


def factor_box_head(
    weights: Mapping[str, Array],
    preset: Preset,
    *,
    rank: int | None = None,
    energy: float | None = None,
) -> tuple[dict[str, Array], Preset]:
    """Replace the first fully connected layer by two, of a rank given or chosen by energy.

    energy: the share of the sum of squared singular values to keep, in (0, 1]; the least
    rank for it is rounded up to a multiple of 8.
    Returns the weights and their preset.
    Raises SlimmingError for a rank or an energy out of range, and for a layer that is
    factored already.
    """
    name = f"roi_heads.box_head.{preset.box_head_fcs[0]}"
    if preset.box_head_rank:
        raise SlimmingError(f"{name} is factored already, with rank {preset.box_head_rank}.")
    left, singular_values, right = np.linalg.svd(weights[f"{name}.weight"], full_matrices=False)
    if energy is not None:
        by_eights = -(-rank_of_energy(singular_values, energy) // MULTIPLE) * MULTIPLE
        rank = min(by_eights, len(singular_values))
    if rank is None or not 1 <= rank <= len(singular_values):
        raise SlimmingError(
            f"The rank is {rank}; that of {name} must lie between 1 and {len(singular_values)}."
        )
    root = np.sqrt(singular_values[:rank])
    reduction = f"roi_heads.box_head.{preset.box_head_reduction}"
    factored = {
        f"{reduction}.weight": left[:, :rank] * root,
        f"{reduction}.bias": np.zeros(rank, np.float32),
        f"{name}.weight": root[:, None] * right[:rank],
    }
    return {**weights, **factored}, replace(preset, box_head_rank=rank)


def rank_of_energy(singular_values: NDArray[np.float32], energy: float) -> int:
    """The least rank that keeps the share `energy` of the sum of squares.

    Raises SlimmingError for a share outside (0, 1].
    """
    if not 0 < energy <= 1:
        raise SlimmingError(f"The energy to keep is {energy}; it must be over 0 and at most 1.")
    kept = np.cumsum(np.square(singular_values, dtype=np.float64))
    return min(int(np.searchsorted(kept, energy * kept[-1])) + 1, len(kept))
