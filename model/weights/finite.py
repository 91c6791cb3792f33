"""Refuse weights with which a network computes nothing: NaN, infinity, a vanished variance."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from model.runtime.errors import WeightsMismatch

_VARIANCE = (".running_var", "/moving_variance")
_LISTED = 5


def check_finite(arrays: Mapping[str, NDArray[Any]], epsilon: float, origin: str) -> None:
    """Raise WeightsMismatch for arrays that hold NaN, infinity, or an impossible variance.

    epsilon: what BatchNorm adds to a running variance. A float16 variance of 0 was a small
    number before it was rounded, so the layer's scale is lost whatever the epsilon.
    origin: what holds the arrays; it opens the message.
    """
    floats = {name: array for name, array in arrays.items() if array.dtype.kind == "f"}
    broken = [name for name, array in floats.items() if not np.isfinite(array).all()]
    if broken:
        raise WeightsMismatch(
            f"{origin}: {_several(broken, 'array')} NaN or infinity: {_some(broken)}. A network "
            "with such weights finds nothing: import a checkpoint from before training diverged."
        )
    variances = {name: array for name, array in floats.items() if name.endswith(_VARIANCE)}
    vanished = [name for name, array in variances.items() if _has_vanished(array, epsilon)]
    if vanished:
        raise WeightsMismatch(
            f"{origin}: {_several(vanished, 'running variance')} values of 0 or less: "
            f"{_some(vanished)}. float16 rounds small variances to 0, and their layers are then "
            "scaled wrongly. Save the checkpoint as float32, before any call of .half()."
        )


def check_folded(weights: Mapping[str, NDArray[Any]], dtype: type[np.floating[Any]]) -> None:
    """Raise WeightsMismatch for folded weights that are not finite in the type they are kept in."""
    with np.errstate(over="ignore"):
        broken = [name for name, each in weights.items() if not np.isfinite(_peak(each, dtype))]
    if broken:
        cure = " Import without --half." if dtype is np.float16 else ""
        raise WeightsMismatch(
            f"{_several(broken, 'array')} values beyond {np.dtype(dtype)} once BatchNorm is folded "
            f"in: {_some(broken)}.{cure}"
        )


def _peak(array: NDArray[Any], dtype: type[np.floating[Any]]) -> Any:
    return np.abs(array).max(initial=0).astype(dtype)


def _has_vanished(array: NDArray[Any], epsilon: float) -> bool:
    least = array.min(initial=np.inf)
    return bool(least < 0 or (least == 0 and (epsilon == 0 or array.dtype == np.float16)))


def _several(names: list[str], noun: str) -> str:
    return f"{len(names)} {noun}{' has' if len(names) == 1 else 's have'}"


def _some(names: list[str]) -> str:
    return ", ".join(names[:_LISTED]) + (", …" if len(names) > _LISTED else "")
