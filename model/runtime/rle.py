"""Run lengths of a mask, read column by column: COCO's RLE.

`counts` holds the lengths of the runs, alternating from unset, as text: every length from the
fourth on less the one two before it, then five bits a character, lowest first, offset by "0"
(48), with bit 5 set while more follow. Byte for byte what pycocotools writes
(`rleToString` in https://github.com/cocodataset/cocoapi/blob/master/common/maskApi.c).
"""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import ConfigDict, Field, with_config

# pydantic reads typing's own from Python 3.12 on.
from typing_extensions import TypedDict

from model.runtime.detections import InstanceMask

_OFFSET = 48
_MORE = 32
# Seven characters hold 34 bits and a sign: frames of 17 gigapixels.
_MOST_DIGITS = 7
_SHIFTS = 5 * np.arange(_MOST_DIGITS)


@with_config(ConfigDict(extra="forbid"))
class RLE(TypedDict):
    """COCO's compressed run lengths; `size` is [height, width] of the frame."""

    size: Annotated[list[int], Field(min_length=2, max_length=2)]
    counts: str


def encode_rle(mask: InstanceMask, width: int, height: int) -> RLE:
    """Encode `mask` in its frame; only its own pixels are touched."""
    lengths = run_lengths(mask, width, height, "columns")
    return {"size": [height, width], "counts": _to_text(lengths)}


def decode_rle(rle: RLE) -> NDArray[np.bool_]:
    """Decode to the whole frame, (height, width).

    Raises ValueError for counts that are no run lengths, or not those of such a frame.
    """
    height, width = rle["size"]
    lengths = _checked_lengths(rle)
    runs = np.arange(len(lengths)) % 2 == 1
    frame: NDArray[np.bool_] = np.repeat(runs, lengths).reshape(width, height).T
    return frame


def decode_mask(rle: RLE) -> InstanceMask:
    """Decode the part of the frame where the mask is set; the rest never exists in memory.

    Raises ValueError as `decode_rle` does.
    """
    height, _ = rle["size"]
    lengths = _checked_lengths(rle)
    ends = np.cumsum(lengths)
    starts, ends = ends[:-1:2], ends[1::2]
    if not len(starts):
        return InstanceMask(0, 0, np.zeros((0, 0), bool))
    left, right = int(starts[0]) // height, -(-int(ends[-1]) // height)
    inside = lengths.copy()
    inside[0] -= left * height
    inside[2 * len(starts) :] = right * height - ends[-1]
    columns = np.repeat(np.arange(len(inside)) % 2 == 1, inside).reshape(right - left, height)
    rows = np.flatnonzero(columns.any(axis=0))
    # A run may be written with no pixel in it.
    top, bottom = (int(rows[0]), int(rows[-1]) + 1) if len(rows) else (0, 0)
    return InstanceMask(left, top, np.ascontiguousarray(columns[:, top:bottom].T))


def run_lengths(
    mask: InstanceMask, width: int, height: int, order: Literal["columns", "rows"]
) -> NDArray[np.int64]:
    """Lengths of the frame's runs in that reading order, alternating from unset."""
    axis = 0 if order == "columns" else 1
    edges = np.diff(mask.pixels, axis=axis, prepend=False, append=False)
    rows, columns = np.divmod(np.flatnonzero(edges), edges.shape[1])
    rows += mask.y
    columns += mask.x
    changes = columns * height + rows if axis == 0 else rows * width + columns
    # A run that goes on from one line into the next has its end and start in one place.
    changes, times = np.unique(changes, return_counts=True)
    changes = changes[times == 1]
    if len(changes) and changes[-1] == width * height:
        changes = changes[:-1]
    lengths: NDArray[np.int64] = np.diff(changes, prepend=0, append=width * height)
    return lengths


def _checked_lengths(rle: RLE) -> NDArray[np.int64]:
    height, width = rle["size"]
    lengths = _from_text(rle["counts"])
    if (lengths < 0).any() or lengths.sum() != height * width:
        raise ValueError(f"The RLE's runs do not fill its frame of {width}×{height} px.")
    return lengths


def _to_text(lengths: NDArray[np.int64]) -> str:
    deltas = lengths.copy()
    deltas[3:] -= lengths[1:-2]
    digits = deltas[:, None] >> _SHIFTS & 31
    sign = -(digits >> 4)
    more = (deltas[:, None] >> _SHIFTS + 5) != sign
    written = np.ones_like(more)
    written[:, 1:] = more[:, :-1]
    characters = digits + more * _MORE + _OFFSET
    text: bytes = characters[written].astype(np.uint8).tobytes()
    return text.decode("ascii")


def _from_text(text: str) -> NDArray[np.int64]:
    codes = np.frombuffer(text.encode("utf-8"), np.uint8).astype(np.int64) - _OFFSET
    if not len(codes) or codes.min() < 0 or codes.max() > 63 or codes[-1] & _MORE:
        raise ValueError("The RLE's counts are not COCO's compressed run lengths.")
    last = np.flatnonzero(codes & _MORE == 0)
    first = np.append(0, last[:-1] + 1)
    if (last - first).max() >= _MOST_DIGITS:
        raise ValueError("The RLE's counts have a run that is longer than any picture.")
    place = np.arange(len(codes)) - np.repeat(first, last - first + 1)
    deltas = np.add.reduceat((codes & 31) << 5 * place, first)
    deltas -= (codes[last] >> 4 & 1) << 5 * (last - first + 1)
    lengths = deltas.copy()
    for chain in (slice(1, None, 2), slice(2, None, 2)):
        lengths[chain] = np.cumsum(deltas[chain])
    return lengths
