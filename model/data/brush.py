"""Label Studio's brush masks: run lengths in a stream of bits, thi.ng's rle-pack.

count of values (32 bits), bits per value less one (5), four sizes of run lengths less one
(4 each); then per run one bit that is set for a repeated value, the size's number (2), the length
less one, and one value, or as many values as the length says. The values are an RGBA picture, row
by row; what is painted is opaque. `handler/masks/label_studio.py` writes it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from model.runtime.errors import DataError

_CHANNELS = 4
# Half covered counts as painted.
_OPAQUE = 128


class _Bits:
    """Reads numbers of any width out of bytes, the highest bit first."""

    def __init__(self, data: bytes) -> None:
        self._bits = np.unpackbits(np.frombuffer(data, np.uint8)).tobytes()
        self._at = 0

    def read(self, width: int) -> int:
        """The next number; raises IndexError at the end."""
        end = self._at + width
        if end > len(self._bits):
            raise IndexError
        value = 0
        for bit in self._bits[self._at : end]:
            value = value << 1 | bit
        self._at = end
        return value


def decode_brush(rle: list[int], width: int, height: int, where: str) -> NDArray[np.bool_]:
    """Decode to the whole frame, (height, width); raises DataError."""
    try:
        alpha = _values(bytes(rle), _CHANNELS * width * height)[_CHANNELS - 1 :: _CHANNELS]
    except (TypeError, ValueError, IndexError) as error:
        detail = f": {error}" if str(error) else ""
        raise DataError(
            f"{where}: the brush's run lengths are not those of {width}×{height} pixels{detail}."
        ) from None
    frame: NDArray[np.bool_] = alpha.reshape(height, width) >= _OPAQUE
    return frame


def _values(data: bytes, expected: int) -> NDArray[np.uint8]:
    bits = _Bits(data)
    count, value_bits = bits.read(32), bits.read(5) + 1
    sizes = [bits.read(4) + 1 for _ in range(4)]
    if count != expected:
        raise ValueError(f"they are {count // _CHANNELS:,} pixels")
    if value_bits > 8:
        raise ValueError(f"a value has {value_bits} bits")
    values = np.empty(count, np.uint8)
    at = 0
    while at < count:
        repeated = bits.read(1)
        length = bits.read(sizes[bits.read(2)]) + 1
        if at + length > count:
            raise ValueError("they are too long")
        if repeated:
            values[at : at + length] = bits.read(value_bits)
        else:
            values[at : at + length] = [bits.read(value_bits) for _ in range(length)]
        at += length
    return values
