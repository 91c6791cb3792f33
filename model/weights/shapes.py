"""Hold the arrays of a file against those that a network needs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from numpy.typing import NDArray

from model.runtime.errors import WeightsMismatch

Shapes = Mapping[str, tuple[int, ...]]

_LISTED = 3


def check_shapes(state: Mapping[str, NDArray[Any]], expected: Shapes, preset: str) -> None:
    """Raise WeightsMismatch for arrays that are missing, unexpected, misshapen or no floats."""
    missing = [name for name in expected if name not in state]
    unexpected = [name for name in state if name not in expected]
    misshapen = [
        f"{name} is {state[name].shape}, not {shape}"
        for name, shape in expected.items()
        if name in state and state[name].shape != shape
    ]
    # Integers are of a quantised model, whose scales are elsewhere.
    no_floats = [
        f"{name} is {state[name].dtype}"
        for name in expected
        if name in state and state[name].dtype.kind != "f"
    ]
    problems = {
        "missing": missing,
        "unexpected": unexpected,
        "misshapen": misshapen,
        "not floating-point": no_floats,
    }
    if any(problems.values()):
        lists = "; ".join(summary(kind, names) for kind, names in problems.items() if names)
        raise WeightsMismatch(
            f"The checkpoint does not fit the preset {preset}, "
            f"which has {len(expected)} parameters: {lists}."
        )


def summary(kind: str, names: list[str]) -> str:
    """Say how many names there are of a kind, and the first three."""
    more = ", …" if len(names) > _LISTED else ""
    return f"{len(names)} {kind} ({', '.join(names[:_LISTED])}{more})"
