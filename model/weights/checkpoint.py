"""Read checkpoints without PyTorch and without running anything in them.

PyTorch has two formats, both an object's pickle and the raw elements of its tensors:

    zip (PyTorch 1.6 and newer)   NAME/data.pkl, NAME/data/KEY for every storage,
                                  NAME/byteorder; all stored, none compressed
    legacy                        five pickles (magic number, version, system, object,
                                  list of storage keys), then every storage in the list's
                                  order: element count (8 bytes), elements

Two more: a plain pickle of NumPy arrays, as Detectron2's model zoo has (.pkl), and
.safetensors (safetensors.py).

The file is mapped, not read: an array is a view of the file wherever its elements lie
there as NumPy wants them, so what a training run saved beside the weights costs nothing.
"""

from __future__ import annotations

import io
import math
import mmap
import struct
import zipfile
import zlib
from pathlib import Path
from typing import Any, BinaryIO, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from model.runtime.errors import CheckpointError
from model.weights.pickled_arrays import PickledArray
from model.weights.safetensors import is_safetensors, read_safetensors
from model.weights.state_dict import Say, find_state_dict, with_plain_names
from model.weights.unpickler import Storage, StoredTensor, unpickle

_ZIP_START = b"PK\x03\x04"
_LEGACY_MAGIC = 0x1950A86A20F9469CFC6C
# Behind the mark of a pickle, and from protocol 4 on a frame's.
_LEGACY_NUMBER = b"\x8a\x0a" + _LEGACY_MAGIC.to_bytes(10, "little")
_START = 32
_LEGACY_VERSION = 1001
_ByteOrder = Literal["<", ">"]
_BYTE_ORDERS: dict[bytes, _ByteOrder] = {b"little": "<", b"big": ">"}

_PICKLE_STARTS = tuple(b"\x80" + bytes([protocol]) for protocol in range(2, 6))


def read_checkpoint(path: Path, say: Say = lambda _: None) -> dict[str, NDArray[Any]]:
    """Return the named tensors of the model in a checkpoint, in the file's order.

    A state dict is found alone or inside what training scripts save, and names lose what
    wrappers put in front of them (state_dict.py); `say` takes a line for each such step.
    Arrays keep their type, except that bfloat16 becomes float32. They may be read-only
    views of the file, which must not be changed while they live.

    Raises:
        CheckpointError: the file is missing, broken, no checkpoint, or would run code.
    """
    try:
        return _read(path, say)
    except OSError as error:
        raise CheckpointError(f"{path}: {error.strerror or error}.") from error
    except CheckpointError as error:
        raise CheckpointError(f"{path}: {error}") from error


def _read(path: Path, say: Say) -> dict[str, NDArray[Any]]:
    with path.open("rb") as file:
        start = file.read(_START)
        if start.startswith(_ZIP_START):
            return _tensors_of(_ZipFile(file), say)
        if start.startswith(_PICKLE_STARTS) and _LEGACY_NUMBER in start:
            return _tensors_of(_LegacyFile(file), say)
        if start.startswith(_PICKLE_STARTS):
            return _arrays_of(file, say)
        if is_safetensors(start):
            arrays = with_plain_names(read_safetensors(memoryview(_map(file))), say)
            return {
                name: _widen_bfloat16(array) if is_bfloat16 else array
                for name, (array, is_bfloat16) in arrays.items()
            }
    if not start:
        raise CheckpointError("the file is empty.")
    raise CheckpointError(f"this is no PyTorch checkpoint: it begins with {start[:14]!r}.")


def _tensors_of(file: _File, say: Say) -> dict[str, NDArray[Any]]:
    state = find_state_dict(file.root, (StoredTensor, PickledArray), say)
    tensors = {name: each for name, each in state.items() if isinstance(each, StoredTensor)}
    arrays = _to_arrays(tensors, file)
    # torch.save takes NumPy's arrays as well.
    return {
        name: arrays[name] if name in arrays else _unpacked(name, each)
        for name, each in state.items()
    }


def _arrays_of(file: BinaryIO, say: Say) -> dict[str, NDArray[Any]]:
    """Read a pickle of NumPy arrays."""
    stream: Any = _map(file)
    root, _ = unpickle(stream)
    try:
        state = find_state_dict(root, (PickledArray,), say)
    except CheckpointError as error:
        raise CheckpointError(
            f"this is no PyTorch checkpoint, but a pickle without a model's arrays: {error}"
        ) from None
    return {name: _unpacked(name, pickled) for name, pickled in state.items()}


def _unpacked(name: str, pickled: PickledArray) -> NDArray[Any]:
    try:
        return pickled.to_array()
    except ValueError as error:
        raise CheckpointError(f"{name!r} is damaged: {error}.") from error


class _File(Protocol):
    """A checkpoint: the object that was saved, and the storages that its tensors view."""

    root: object
    byte_order: _ByteOrder

    def elements(self, storage: Storage) -> memoryview:
        """Return the storage's raw bytes."""


def _map(file: BinaryIO) -> mmap.mmap:
    return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)


class _ZipFile:
    """The format of PyTorch 1.6 and newer."""

    def __init__(self, file: BinaryIO) -> None:
        self._data = memoryview(_map(file))
        try:
            self._entries = {entry.filename: entry for entry in zipfile.ZipFile(file).infolist()}
        except (zipfile.BadZipFile, ValueError, NotImplementedError, struct.error) as error:
            raise CheckpointError(f"its zip archive is damaged or cut short: {error}.") from error
        self._folder = self._find_folder()
        self.byte_order = self._read_byte_order()
        self.root, _ = unpickle(io.BytesIO(self._read("data.pkl")))

    def elements(self, storage: Storage) -> memoryview:
        return self._read(f"data/{storage.key}")

    def _find_folder(self) -> str:
        """Return what stands before every entry's name: "archive/", or the file's own name."""
        pickles = [name for name in self._entries if name.endswith("/data.pkl")]
        if len(pickles) != 1:
            raise CheckpointError(
                f"this zip archive is no PyTorch checkpoint: {len(pickles)} data.pkl in it, not 1."
            )
        return pickles[0].removesuffix("data.pkl")

    def _read_byte_order(self) -> _ByteOrder:
        # Files from before PyTorch 2.1 do not say, and are little-endian.
        if self._folder + "byteorder" not in self._entries:
            return "<"
        order = bytes(self._read("byteorder"))
        if order not in _BYTE_ORDERS:
            raise CheckpointError(f"its byte order is {order[:10]!r}, neither little nor big.")
        return _BYTE_ORDERS[order]

    def _read(self, name: str) -> memoryview:
        """Return an entry's bytes, in place."""
        entry = self._entries.get(self._folder + name)
        if entry is None:
            raise CheckpointError(f"its zip archive has no entry {name!r}.")
        if entry.compress_type != zipfile.ZIP_STORED:
            # torch.save never compresses, and what is stored cannot be a bomb.
            raise CheckpointError(
                f"its entry {name!r} is compressed, which torch.save does not do."
            )
        content = self._stored(entry)
        # 0.05 s for the 186 MB of a Mask R-CNN.
        if len(content) != entry.file_size or zlib.crc32(content) != entry.CRC:
            raise CheckpointError(f"its entry {name!r} is damaged: the checksum differs.")
        return content

    def _stored(self, entry: zipfile.ZipInfo) -> memoryview:
        # The local header is 30 bytes, then a name and padding whose lengths it ends with.
        header = self._data[entry.header_offset : entry.header_offset + 30]
        if len(header) != 30 or header[:4] != _ZIP_START:
            raise CheckpointError("its zip archive is damaged: an entry is not where it should be.")
        name_length, extra_length = struct.unpack_from("<HH", header, 26)
        start = entry.header_offset + 30 + name_length + extra_length
        return self._data[start : start + entry.file_size]


class _LegacyFile:
    """The format before PyTorch 1.6, still written with `_use_new_zipfile_serialization=False`."""

    byte_order: _ByteOrder = "<"  # whatever the machine, as PyTorch's writer swaps

    def __init__(self, file: BinaryIO) -> None:
        data = _map(file)
        stream: Any = data
        for expected in (_LEGACY_MAGIC, _LEGACY_VERSION):
            found, _ = unpickle(stream)
            if found != expected:
                raise CheckpointError(f"its protocol version is not {_LEGACY_VERSION}.")
        unpickle(stream)  # the writer's byte order and integer sizes, which PyTorch ignores too
        self.root, storages = unpickle(stream)
        keys, _ = unpickle(stream)
        if not _are_texts(keys) or set(keys) != set(storages):
            raise CheckpointError("its list of storages is not that of its tensors.")
        self._elements = _split(memoryview(data), stream.tell(), [storages[key] for key in keys])

    def elements(self, storage: Storage) -> memoryview:
        return self._elements[storage.key]


def _are_texts(keys: object) -> bool:
    return isinstance(keys, list) and all(isinstance(key, str) for key in keys)


def _split(data: memoryview, position: int, storages: list[Storage]) -> dict[str, memoryview]:
    """Return each storage's bytes by its key; they follow each other, each behind its count."""
    elements = {}
    for storage in storages:
        start = position + 8
        position = start + storage.nbytes
        if data[start - 8 : start] != storage.count.to_bytes(8, "little"):
            raise CheckpointError(f"the size of its storage {storage.key!r} is damaged or cut off.")
        elements[storage.key] = data[start:position]
    return elements


def _to_arrays(tensors: dict[str, StoredTensor], file: _File) -> dict[str, NDArray[Any]]:
    elements = {tensor.storage: file.elements(tensor.storage) for tensor in tensors.values()}
    for storage, content in elements.items():
        if len(content) < storage.nbytes:
            raise CheckpointError(
                f"its storage {storage.key!r} has {len(content)} of {storage.nbytes} bytes."
            )
    _check_total(tensors, sum(storage.count for storage in elements))
    return {
        name: _to_array(name, tensor, elements[tensor.storage], file.byte_order)
        for name, tensor in tensors.items()
    }


def _check_total(tensors: dict[str, StoredTensor], stored: int) -> None:
    # Views can repeat elements without end, and a hostile file fill the memory with four
    # bytes. Twice leaves room for weights that two layers share.
    total = sum(math.prod(tensor.shape) for tensor in tensors.values())
    if total > 2 * stored:
        raise CheckpointError(f"its tensors have {total} elements, over twice the {stored} stored.")


def _to_array(
    name: str, tensor: StoredTensor, content: memoryview, byte_order: _ByteOrder
) -> NDArray[Any]:
    """Return the tensor's elements, in place if they are contiguous, aligned and native."""
    element = tensor.storage.element
    dtype = np.dtype(element.code)
    try:
        view: NDArray[Any] = np.ndarray(
            tensor.shape,
            dtype.newbyteorder(byte_order),
            content[: tensor.storage.nbytes],
            tensor.offset * dtype.itemsize,
            tuple(stride * dtype.itemsize for stride in tensor.strides),
        )
    except (ValueError, TypeError, OverflowError) as error:
        raise CheckpointError(f"{name!r} reaches out of its storage: {error}.") from error
    array = np.require(view, dtype, ["C_CONTIGUOUS", "ALIGNED"])
    return _widen_bfloat16(array) if element.name == "BFloat16Storage" else array


def _widen_bfloat16(bits: NDArray[np.uint16]) -> NDArray[np.float32]:
    # A bfloat16 is the upper half of the float32 with the same value.
    return (bits.astype(np.uint32) << 16).view(np.float32)
