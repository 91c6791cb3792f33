"""Write a checkpoint in PyTorch's zip format, without PyTorch, one pickle opcode at a time."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray


def write_checkpoint(path: Path, state_dict: Mapping[str, NDArray[np.float32]]) -> Path:
    """Save contiguous float32 arrays as `torch.save(state_dict, path)` would."""
    pickled = io.BytesIO()
    pickled.write(b"\x80\x02ccollections\nOrderedDict\n)R(")
    with zipfile.ZipFile(path, "w") as file:
        for number, (name, array) in enumerate(state_dict.items()):
            pickled.write(_text(name) + _tensor(number, array))
            file.writestr(f"archive/data/{number}", array.astype("<f4").tobytes())
        file.writestr("archive/data.pkl", pickled.getvalue() + b"u.")
        file.writestr("archive/byteorder", "little")
    return path


def _tensor(number: int, array: NDArray[np.float32]) -> bytes:
    strides = [stride // array.itemsize for stride in np.ascontiguousarray(array).strides]
    storage = b"(" + _text("storage") + b"ctorch\nFloatStorage\n" + _text(str(number))
    storage += _text("cpu") + _integer(array.size) + b"tQ"
    shape = _integers(array.shape) + _integers(strides)
    rest = b"\x89ccollections\nOrderedDict\n)R"
    return b"ctorch._utils\n_rebuild_tensor_v2\n(" + storage + b"K\x00" + shape + rest + b"tR"


def _text(text: str) -> bytes:
    encoded = text.encode()
    return b"X" + len(encoded).to_bytes(4, "little") + encoded


def _integer(value: int) -> bytes:
    return b"J" + value.to_bytes(4, "little", signed=True)


def _integers(values: tuple[int, ...] | list[int]) -> bytes:
    return b"(" + b"".join(map(_integer, values)) + b"t"
