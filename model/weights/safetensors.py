"""Read .safetensors files: a header in JSON, then the tensors' bytes.

    header length (8 bytes, little-endian) | header | bytes
    header: {name: {"dtype": "F32", "shape": [2, 3], "data_offsets": [begin, end]}, …}

Offsets count from the end of the header. Arrays are views of the file.
"""

from __future__ import annotations

import json
import math
import struct
from typing import Any

import numpy as np
from numpy.typing import NDArray

from model.runtime.errors import CheckpointError

# The format's own limit.
_LONGEST_HEADER = 100_000_000
_METADATA = "__metadata__"
_CODES = {
    "F64": "<f8",
    "F32": "<f4",
    "F16": "<f2",
    "BF16": "<u2",
    "I64": "<i8",
    "I32": "<i4",
    "I16": "<i2",
    "I8": "<i1",
    "U64": "<u8",
    "U32": "<u4",
    "U16": "<u2",
    "U8": "<u1",
    "BOOL": "?",
}


def is_safetensors(start: bytes) -> bool:
    """Whether a file that begins with these bytes, at least 9, is one."""
    if len(start) < 9:
        return False
    (length,) = struct.unpack_from("<Q", start)
    return 2 <= length <= _LONGEST_HEADER and start[8:9] == b"{"


def read_safetensors(data: memoryview) -> dict[str, tuple[NDArray[Any], bool]]:
    """Return the arrays by name, each with whether its uint16 are the bits of bfloat16.

    Raises CheckpointError for a header that is damaged, or does not fit the bytes.
    """
    (length,) = struct.unpack_from("<Q", data)
    content = data[8 + length :]
    if len(data) < 8 + length:
        raise CheckpointError(f"its header of {length} bytes is cut short.")
    try:
        header = json.loads(bytes(data[8 : 8 + length]))
    except (ValueError, RecursionError) as error:
        raise CheckpointError(f"its header is damaged: {error}.") from None
    if not isinstance(header, dict):
        raise CheckpointError("its header is no JSON object.")
    header.pop(_METADATA, None)
    if not header:
        raise CheckpointError("it holds no tensor.")
    return {name: _array(name, entry, content) for name, entry in header.items()}


def _array(name: str, entry: object, content: memoryview) -> tuple[NDArray[Any], bool]:
    match entry:
        case {"dtype": str(dtype), "shape": [*shape], "data_offsets": [int(begin), int(end)]}:
            pass
        case _:
            raise CheckpointError(f"its header describes {name!r} wrongly.")
    if dtype not in _CODES:
        raise CheckpointError(f"{name!r} is of type {dtype!r}; read are {', '.join(_CODES)}.")
    if not all(type(side) is int and side >= 0 for side in shape):
        raise CheckpointError(f"its header gives {name!r} the shape {shape!r}.")
    code = np.dtype(_CODES[dtype])
    if not 0 <= begin <= end <= len(content):
        raise CheckpointError(f"{name!r} ends {end - len(content)} bytes after the file's end.")
    if end - begin != math.prod(shape) * code.itemsize:
        raise CheckpointError(f"{name!r} has {end - begin} bytes, which is not {shape} of {dtype}.")
    view: NDArray[Any] = np.frombuffer(content[begin:end], code).reshape(shape)
    array = np.require(view, code.newbyteorder("="), ["C_CONTIGUOUS", "ALIGNED"])
    return array, dtype == "BF16"
