"""NumPy arrays as a pickle describes them: a shape, a type and raw bytes.

Three calls make them. `_reconstruct(ndarray, (0,), b"b")` is an empty array, and its state says
the rest: (version, shape, dtype, is it Fortran's order, bytes). `_frombuffer(bytes, dtype, shape,
order)` says all at once. `dtype(code, …)` has a state too: (version, byte order, …).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

# Codes of `numpy.dtype` that are numbers: kind and bytes. Never objects.
_KINDS = frozenset("biufc")
_MAX_DIMENSIONS = 64  # NumPy's limit


@dataclass(slots=True)
class PickledType:
    """A `numpy.dtype`: its code, as "f4", and its byte order; None for what is no number."""

    code: str | None
    order: Literal["<", ">", "=", "|"] = "="

    def build(self, state: object) -> None:
        """Take the byte order from the state."""
        match state:
            case [_, ("<" | ">" | "=" | "|") as order, *_]:
                self.order = order

    @property
    def dtype(self) -> np.dtype[Any]:
        """NumPy's type; raises ValueError where an array of it cannot be read."""
        if self.code is None:
            raise ValueError("an array does not hold numbers")
        return np.dtype(self.code).newbyteorder(self.order)


@dataclass(slots=True)
class PickledArray:
    """An array; empty until its state is known. order: "C" by rows, "F" by columns."""

    shape: tuple[int, ...] = (0,)
    kind: PickledType | None = None
    content: bytes = b""
    order: Literal["C", "F"] = "C"

    def build(self, state: object) -> None:
        """Take shape, type and bytes; raises ValueError for others."""
        match state:
            case [_, tuple(shape), PickledType() as kind, bool() | int() as fortran, content]:
                self.fill(shape, kind, content, "F" if fortran else "C")
            case _:
                raise ValueError("an array is described wrongly")

    def fill(self, shape: object, kind: PickledType, content: object, order: object) -> None:
        """Set all parts; raises ValueError where they are not an array's."""
        # Python 2 wrote bytes as text.
        raw = content.encode("latin-1") if isinstance(content, str) else content
        raw = bytes(raw) if isinstance(raw, bytearray) else raw
        if not isinstance(shape, tuple) or not isinstance(raw, bytes) or order not in ("C", "F"):
            raise ValueError("an array is described wrongly")
        if len(shape) > _MAX_DIMENSIONS or not all(
            type(side) is int and side >= 0 for side in shape
        ):
            raise ValueError("an array's shape is described wrongly")
        self.shape, self.kind, self.content = shape, kind, raw
        self.order = "C" if order == "C" else "F"

    def to_array(self) -> NDArray[Any]:
        """Return the array, native and contiguous; raises ValueError for one cut short."""
        if self.kind is None:
            raise ValueError("an array has no content")
        dtype = self.kind.dtype
        if len(self.content) != math.prod(self.shape) * dtype.itemsize:
            raise ValueError(f"an array of {self.shape} has {len(self.content)} bytes")
        view = np.frombuffer(self.content, dtype).reshape(self.shape, order=self.order)
        return np.ascontiguousarray(view, dtype.newbyteorder("="))


def rebuild_type(arguments: tuple[Any, ...]) -> PickledType:
    """Describe `numpy.dtype(code, …)`."""
    code = arguments[0] if arguments else None
    known = isinstance(code, str) and code[:1] in _KINDS and code[1:].isdecimal()
    return PickledType(code if known else None)


def rebuild_array(arguments: tuple[Any, ...]) -> PickledArray:
    """Describe `_reconstruct(…)`: whatever it says, the state that follows counts."""
    del arguments
    return PickledArray()


def rebuild_from_buffer(arguments: tuple[Any, ...]) -> PickledArray:
    """Describe `_frombuffer(bytes, dtype, shape, order)`."""
    match arguments:
        case [content, PickledType() as kind, shape, order]:
            array = PickledArray()
            array.fill(shape, kind, content, order)
            return array
    raise ValueError("an array is described wrongly")
