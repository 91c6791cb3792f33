"""Unpickle what `torch.save` writes, without running anything the file names.

A pickle is a program for a stack machine, and Python's own machine calls whatever
the program names. This one knows only the instructions that build plain data, and
only the names in `_GLOBALS`. Such a name stands for a function of this file that
checks its arguments and returns a record; no attribute of an object is ever looked
up or set. Everything else is refused.

The instructions are documented in CPython's `Lib/pickletools.py`, which also splits
the bytes into instructions here; what PyTorch says with them, in `torch/_utils.py`
and `torch/serialization.py`. What may stand beside the weights is in `opaque_names.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pickletools import genops
from typing import Any, BinaryIO

import numpy as np

from model.runtime.errors import CheckpointError
from model.weights.opaque_names import OPAQUE_CONSTANTS, OPAQUE_CONSTRUCTORS
from model.weights.pickled_arrays import (
    PickledArray,
    PickledType,
    rebuild_array,
    rebuild_from_buffer,
    rebuild_type,
)

# A training checkpoint of Mask R-CNN with its optimizer takes 23,404. One
# instruction of one byte can make an object of 64, so this also bounds memory.
_MAX_INSTRUCTIONS = 2_000_000
_MAX_DIMENSIONS = 64  # NumPy's limit


@dataclass(frozen=True, slots=True)
class ElementType:
    """What a storage holds: PyTorch's name for it, NumPy's code without byte order."""

    name: str
    code: str


@dataclass(frozen=True, slots=True)
class Storage:
    """A flat run of `count` elements, kept elsewhere in the file under `key`."""

    element: ElementType
    key: str
    count: int

    @property
    def nbytes(self) -> int:
        """Size of all elements."""
        return self.count * np.dtype(self.element.code).itemsize


@dataclass(frozen=True, slots=True)
class StoredTensor:
    """A view of a storage: the element at i, j … is at offset + i·strides[0] + j·strides[1] …"""

    storage: Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


class Opaque:
    """Something that a training run saved beside the weights; nothing of it is kept."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class _Constructor:
    """A name that a pickle may apply to arguments."""

    name: str
    build: Callable[[tuple[Any, ...]], object]


def _are_sizes(*numbers: object) -> bool:
    return all(isinstance(number, int) and 0 <= number < 2**63 for number in numbers)


def _rebuild_tensor(arguments: tuple[Any, ...]) -> StoredTensor:
    match arguments:
        case [Storage() as storage, int(offset), tuple(shape), tuple(strides), *_]:
            bounded = len(shape) == len(strides) <= _MAX_DIMENSIONS
            if bounded and _are_sizes(offset, *shape, *strides):
                return StoredTensor(storage, offset, shape, strides)
    raise ValueError("a tensor is described wrongly")


def _rebuild_parameter(arguments: tuple[Any, ...]) -> StoredTensor:
    match arguments:
        case [StoredTensor() as tensor, bool(), *_]:
            return tensor
    raise ValueError("a parameter is described wrongly")


def _rebuild_subclass(arguments: tuple[Any, ...]) -> object:
    """A tensor of a subclass, as `torch._tensor._rebuild_from_type_v2` makes it."""
    match arguments:
        case [_Constructor() as constructor, _, tuple(inner), *_]:
            return constructor.build(inner)
    raise ValueError("a tensor is described wrongly")


def _encode(arguments: tuple[Any, ...]) -> bytes:
    """Bytes, which a pickle of protocol 2 holds as text."""
    match arguments:
        case [str(text), "latin1" | "latin-1"]:
            return text.encode("latin-1")
        case []:
            return b""
    raise ValueError("bytes are described wrongly")


def _build_dict(arguments: tuple[Any, ...]) -> dict[object, object]:
    match arguments:
        case []:
            return {}
        case [dict(mapping)]:
            return mapping
        case [list(pairs)]:  # as Python 2 wrote it
            items: dict[object, object] = {}
            for key, value in pairs:
                _set_item(items, key, value)
            # Else one long list could be copied again and again, four bytes each time.
            pairs.clear()
            return items
    raise ValueError("a dictionary is described wrongly")


def _build_default_dict(arguments: tuple[Any, ...]) -> dict[object, object]:
    return _build_dict(arguments[1:])


def _set_item(items: object, key: object, value: object) -> None:
    if isinstance(items, Opaque):
        return
    if not isinstance(items, dict) or not _is_key(key):
        raise ValueError("a dictionary is filled wrongly")
    # No weight has such a name, and what was skipped is not there to be found again.
    if not isinstance(key, Opaque | _Constructor | StoredTensor):
        items[key] = value


def _is_key(key: object) -> bool:
    # Python hashes nested tuples by recursion, which a hostile file can make endless.
    parts = key if isinstance(key, tuple) else (key,)
    scalars = str | bytes | int | float | None | Opaque | _Constructor | StoredTensor
    return all(isinstance(part, scalars) for part in parts)


_ELEMENTS = (
    ElementType("FloatStorage", "f4"),
    ElementType("DoubleStorage", "f8"),
    ElementType("HalfStorage", "f2"),
    ElementType("BFloat16Storage", "u2"),
    ElementType("LongStorage", "i8"),
    ElementType("IntStorage", "i4"),
    ElementType("ShortStorage", "i2"),
    ElementType("CharStorage", "i1"),
    ElementType("ByteStorage", "u1"),
    ElementType("BoolStorage", "?"),
    ElementType("ComplexFloatStorage", "c8"),
    ElementType("ComplexDoubleStorage", "c16"),
    ElementType("UntypedStorage", "u1"),
)
_CONSTRUCTORS: dict[str, Callable[[tuple[Any, ...]], object]] = {
    "torch._utils._rebuild_tensor": _rebuild_tensor,
    "torch._utils._rebuild_tensor_v2": _rebuild_tensor,
    "torch._utils._rebuild_parameter": _rebuild_parameter,
    "torch._utils._rebuild_parameter_with_state": _rebuild_parameter,
    "torch._tensor._rebuild_from_type_v2": _rebuild_subclass,
    "collections.OrderedDict": _build_dict,
    "collections.Counter": _build_dict,
    "collections.defaultdict": _build_default_dict,
    "_codecs.encode": _encode,
    "builtins.bytes": _encode,
    "__builtin__.bytes": _encode,
    "numpy.dtype": rebuild_type,
    "numpy.core.multiarray._reconstruct": rebuild_array,
    "numpy._core.multiarray._reconstruct": rebuild_array,
    "numpy.core.numeric._frombuffer": rebuild_from_buffer,
    "numpy._core.numeric._frombuffer": rebuild_from_buffer,
    # A best score so far.
    "numpy.core.multiarray.scalar": lambda _: Opaque(),
    "numpy._core.multiarray.scalar": lambda _: Opaque(),
}
_GLOBALS: dict[str, object] = {
    **{name: _Constructor(name, lambda _: Opaque()) for name in OPAQUE_CONSTRUCTORS},
    **{name: Opaque() for name in OPAQUE_CONSTANTS},
    **{f"torch.{element.name}": element for element in _ELEMENTS},
    **{name: _Constructor(name, build) for name, build in _CONSTRUCTORS.items()},
}

# Storages of torch.quint8 and the like, and of float8.
_EIGHT_BITS = ("torch.QInt", "torch.QUInt", "torch.storage.UntypedStorage")

# LONG4 is left out: no checkpoint holds a number of over 255 bytes.
_NUMBERS = {"BININT", "BININT1", "BININT2", "LONG1", "BINFLOAT"}
_TEXTS = {"SHORT_BINUNICODE", "BINUNICODE", "BINUNICODE8", "SHORT_BINSTRING", "BINSTRING"}
_BYTES = {"SHORT_BINBYTES", "BINBYTES", "BINBYTES8", "BYTEARRAY8"}
_LITERALS = _NUMBERS | _TEXTS | _BYTES
_FRESH: dict[str, Callable[[], object]] = {
    "NONE": lambda: None,
    "NEWTRUE": lambda: True,
    "NEWFALSE": lambda: False,
    "EMPTY_TUPLE": tuple,
    "EMPTY_LIST": list,
    "EMPTY_DICT": dict,
    "EMPTY_SET": Opaque,
}


def unpickle(stream: BinaryIO) -> tuple[Any, dict[str, Storage]]:
    """Return what the pickle at the stream's position describes, and the storages it names.

    Tensors come as `StoredTensor`, every mapping as a plain dict; storages by key.
    The stream is left behind the pickle.

    Raises:
        CheckpointError: the pickle asks for what no weights need, or is broken.
    """
    try:
        machine = _Machine()
        return machine.run(stream), machine.storages
    except (ValueError, IndexError, KeyError, TypeError, OverflowError) as error:
        raise CheckpointError(f"its pickle is damaged: {type(error).__name__}, {error}.") from error


class _Machine:
    """A stack of values, the heights at which marks were set, and a memo of values to repeat."""

    def __init__(self) -> None:
        self.storages: dict[str, Storage] = {}
        self._stack: list[Any] = []
        self._marks: list[int] = []
        self._memo: dict[int, object] = {}

    def run(self, stream: BinaryIO) -> object:
        for count, (instruction, argument, _) in enumerate(genops(stream)):
            if instruction.name == "STOP":
                break
            if count == _MAX_INSTRUCTIONS:
                raise CheckpointError(f"its pickle has over {count:,} instructions, the limit.")
            self._execute(instruction.name, argument)
        return self._stack.pop()

    def _execute(self, instruction: str, argument: Any) -> None:
        if instruction in _LITERALS:
            self._stack.append(argument)
        elif instruction in _FRESH:
            self._stack.append(_FRESH[instruction]())
        else:
            self._combine(instruction, argument)

    def _combine(self, instruction: str, argument: Any) -> None:
        stack = self._stack
        match instruction:
            case "PROTO" | "FRAME":
                pass
            case "MARK":
                self._marks.append(len(stack))
            case "BINPUT" | "LONG_BINPUT":
                self._memo[argument] = stack[-1]
            case "MEMOIZE":
                self._memo[len(self._memo)] = stack[-1]
            case "BINGET" | "LONG_BINGET":
                stack.append(self._memo[argument])
            case "TUPLE":
                stack.append(tuple(self._pop_to_mark()))
            case "TUPLE1" | "TUPLE2" | "TUPLE3":
                stack.append(tuple(self._pop(int(instruction[-1]))))
            case "APPEND":
                self._extend(self._pop(1))
            case "APPENDS":
                self._extend(self._pop_to_mark())
            case "ADDITEMS" | "POP_MARK":
                self._pop_to_mark()
            case "FROZENSET":
                self._pop_to_mark()
                stack.append(Opaque())
            case "POP":
                self._pop_top()
            case "SETITEM":
                self._update(self._pop(2))
            case "SETITEMS":
                self._update(self._pop_to_mark())
            case "GLOBAL":
                stack.append(_resolve(argument.replace(" ", ".")))
            case "STACK_GLOBAL":
                stack.append(_resolve(".".join(self._pop(2))))
            case "REDUCE" | "NEWOBJ":
                stack.append(_construct(*self._pop(2)))
            case "NEWOBJ_EX":
                stack.append(_construct(*self._pop(3)[:2]))
            case "BUILD":
                self._build(*self._pop(1))
            case "BINPERSID":
                stack.append(self._storage(stack.pop()))
            case "INST":  # a name and a call in one
                raise _refusal(argument.replace(" ", "."))
            case _:
                raise _refusal(f"pickle instruction {instruction}")

    def _pop(self, count: int) -> list[Any]:
        if len(self._stack) < count:
            raise IndexError("its stack is empty")
        items = self._stack[-count:]
        del self._stack[-count:]
        return items

    def _pop_top(self) -> None:
        if self._marks and self._marks[-1] == len(self._stack):
            self._marks.pop()
        else:
            self._pop(1)

    def _pop_to_mark(self) -> list[Any]:
        mark = self._marks.pop()
        items = self._stack[mark:]
        del self._stack[mark:]
        return items

    def _build(self, state: object) -> None:
        """Give the object on the stack its state. Of those wanted, only arrays have one."""
        target = self._stack[-1]
        if isinstance(target, PickledArray | PickledType):
            target.build(state)

    def _extend(self, items: list[Any]) -> None:
        target = self._stack[-1]
        if isinstance(target, Opaque):
            return
        if not isinstance(target, list):
            raise TypeError("a list is filled wrongly")
        target.extend(items)

    def _update(self, items: list[Any]) -> None:
        for key, value in zip(items[::2], items[1::2], strict=True):
            _set_item(self._stack[-1], key, value)

    def _storage(self, identifier: object) -> Storage:
        """Return what PyTorch's persistent id names; the legacy format's has one field more."""
        match identifier:
            case ["storage", ElementType() as element, str(key), _, int(count), *view]:
                storage = Storage(element, key, count)
                known = self.storages.setdefault(key, storage)
                if _are_sizes(count) and view in ([], [None]) and known == storage:
                    return storage
        raise ValueError("a storage is described wrongly")


def _resolve(name: str) -> object:
    if name not in _GLOBALS:
        raise _refusal(name)
    return _GLOBALS[name]


def _construct(constructor: object, arguments: object) -> object:
    if not isinstance(constructor, _Constructor) or not isinstance(arguments, tuple):
        raise TypeError("something that is no constructor is called")
    try:
        return constructor.build(arguments)
    except (ValueError, TypeError) as error:
        raise ValueError(f"{constructor.name}: {error}") from error


def _refusal(request: str) -> CheckpointError:
    # Cut and escaped: the name is the file's, and the message reaches a terminal.
    asked = f"it asks for {request[:100]!r}"
    if request.startswith(_EIGHT_BITS):
        return CheckpointError(
            f"{asked}: its tensors are quantised or of 8 bits. Save the float32 weights that they "
            "were made from."
        )
    return CheckpointError(
        f"{asked}, which no weights need: refused, and nothing was run. "
        "Save the weights alone, with torch.save(model.state_dict(), path)."
    )
