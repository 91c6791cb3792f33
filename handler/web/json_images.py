"""Reads images out of a predict request's JSON, one at a time.

`json.loads` would make objects of the whole body first: 36 MB of `[],[],…` become 0.9 GB, and no
other thread runs meanwhile. Here a cursor walks over the text; it reads tensors row by row, into
bytes, and everything else within MAX_VALUE characters.
"""

from __future__ import annotations

import binascii
import json
import re
from base64 import b64decode
from collections.abc import Iterator
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from handler.errors import BadPrediction, ImageTooLarge
from handler.photo.decode import ImageLimits

TENSOR_INPUT = "image"
BYTES_INPUT = "image_bytes"

Pixels = NDArray[np.uint8]

# The longest row that is allowed, 16,384 px, with a space after each comma, and floats.
MAX_ROW = 2**19
# Names, and what is not an image.
MAX_VALUE = 2**12
# What base64 is decoded in, so that other threads have their turn.
_PIECE = 2**20

_SPACE = re.compile(r"[ \t\r\n]*")
_URL_ALPHABET = str.maketrans("-_", "+/")
_decode = json.JSONDecoder().raw_decode
_scan = json.decoder.scanstring  # type: ignore[attr-defined]  # not in typeshed


class Cursor:
    """A place in JSON text. Every method raises BadPrediction for what is not JSON."""

    def __init__(self, text: str, at: int = 0) -> None:
        self.text = text
        self.at = at

    def peek(self) -> str:
        """The next character that is no space; empty at the end."""
        found = _SPACE.match(self.text, self.at)
        self.at = found.end() if found else self.at
        return self.text[self.at : self.at + 1]

    def take(self, expected: str) -> None:
        """Go past one character."""
        if self.peek() != expected:
            raise BadPrediction(
                f"The request's body is not JSON: {expected!r} is expected at {self.at:,}."
            )
        self.at += 1

    def string(self, longest: int) -> str:
        """Read a string of at most `longest` characters, as it is written."""
        self.take('"')
        try:
            text, end = _scan(self.text, self.at)
        except ValueError:
            raise BadPrediction("The request's body is not JSON: a string does not end.") from None
        if end - self.at > longest + 1:
            raise BadPrediction(f"A string has {end - self.at:,} characters; {longest:,} may be.")
        self.at = end
        return str(text)

    def value(self, longest: int) -> Any:
        """Read any value of at most `longest` characters."""
        self.peek()
        try:
            value, length = _decode(self.text[self.at : self.at + longest])
        except RecursionError:
            raise BadPrediction("The request is nested too deeply.") from None
        except ValueError:
            raise BadPrediction(
                f"The request's body is not JSON, or a value at {self.at:,} is longer than "
                f"{longest:,} characters."
            ) from None
        self.at += length
        return value

    def items(self) -> Iterator[int]:
        """Walk over a list: the index of each item, which has to be read before the next."""
        yield from (index for index, _ in enumerate(self._members("[", "]")))

    def fields(self) -> Iterator[str]:
        """Walk over an object: the name of each field, whose value has to be read then."""
        for _ in self._members("{", "}"):
            name = self.string(MAX_VALUE)
            self.take(":")
            yield name

    def _members(self, opening: str, closing: str) -> Iterator[None]:
        self.take(opening)
        if self.peek() == closing:
            self.at += 1
            return
        while True:
            yield
            if self.peek() == closing:
                self.at += 1
                return
            self.take(",")


def read_image(cursor: Cursor, limits: ImageLimits) -> bytes | Pixels:
    """Read one image: a file out of base64, or a tensor (H, W, 3); bare, or by its input's name.

    Raises BadPrediction and ImageTooLarge.
    """
    if cursor.peek() == "[":
        return _read_tensor(cursor, limits)
    if cursor.peek() != "{":
        raise BadPrediction("An image has to be {'b64': text} or a tensor.")
    image: bytes | Pixels | None = None
    for name in cursor.fields():
        if image is not None or name not in ("b64", TENSOR_INPUT, BYTES_INPUT):
            raise BadPrediction(
                f"An image has to be {{'b64': text}} or a tensor; this one has {name[:80]!r}."
            )
        image = _read_file(cursor, limits) if name == "b64" else read_image(cursor, limits)
    if image is None:
        raise BadPrediction("An image has to be {'b64': text} or a tensor; this one is empty.")
    return image


def _read_file(cursor: Cursor, limits: ImageLimits) -> bytes:
    if cursor.peek() != '"':
        raise BadPrediction("An image's 'b64' is not text.")
    text = cursor.string(limits.max_bytes * 4 // 3 + MAX_VALUE).rstrip("=")
    try:
        # TensorFlow Serving takes both alphabets, with and without padding.
        return b"".join(
            _decode_piece(text[start : start + _PIECE]) for start in range(0, len(text), _PIECE)
        )
    except (binascii.Error, ValueError):
        raise BadPrediction("An image's 'b64' is not base64.") from None


def _decode_piece(text: str) -> bytes:
    standard = text.translate(_URL_ALPHABET)
    return b64decode(standard + "=" * (-len(standard) % 4), validate=True)


def _read_tensor(cursor: Cursor, limits: ImageLimits) -> Pixels:
    rows: list[Pixels] = []
    for height in cursor.items():
        row = _row(cursor.value(MAX_ROW))
        if rows and len(row) != len(rows[0]):
            raise BadPrediction("An image tensor's rows have different lengths.")
        _check_size(len(row), height + 1, limits)
        rows.append(row)
    if not rows:
        raise BadPrediction("An image tensor is empty; (H, W, 3) is expected.")
    return np.stack(rows)


def _row(value: Any) -> Pixels:
    """One row of pixels, its types looked at before an array is made: (W, 3)."""
    if not (
        isinstance(value, list)
        and value
        and all(isinstance(pixel, list) and len(pixel) == 3 for pixel in value)
    ):
        raise BadPrediction("An image tensor's shape is not (H, W, 3).")
    numbers = list(chain.from_iterable(value))
    if not {type(each) for each in numbers} <= {int, float}:
        raise BadPrediction("An image tensor holds something else than numbers.")
    if not all(0 <= each <= 255 and each == int(each) for each in numbers):
        raise BadPrediction("An image tensor's values have to be whole numbers from 0 to 255.")
    return np.array(numbers, np.uint8).reshape(-1, 3)


def _check_size(width: int, height: int, limits: ImageLimits) -> None:
    if max(width, height) > limits.max_side or width * height > limits.max_pixels:
        raise ImageTooLarge(
            f"Image is at least {width}×{height} px; at most {limits.max_side} a side "
            f"and {limits.max_pixels:,} in all are allowed."
        )
