"""Fields of files that somebody else wrote, checked one by one so that an error names each."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

from model.runtime.errors import DataError

# A photograph of more on a side is a mistake: JPEG, PNG and COCO's tools end far below.
MAX_SIDE = 100_000


def read_json(path: Path) -> Any:
    """Read a JSON file, with a byte order mark or without; raises DataError."""
    try:
        return json.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}.") from None
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path} is not JSON: {error}.") from None


def number(value: Any, what: str) -> float:
    """A finite number, or text that is one; raises DataError."""
    try:
        found = float(value) if not isinstance(value, bool) else math.nan
    except (TypeError, ValueError, OverflowError):
        found = math.nan
    if not math.isfinite(found):
        raise DataError(f"{what} is {_short(value)}; a number is expected.")
    return found


def side(value: Any, what: str) -> int:
    """A width or a height of a photograph, pixels; raises DataError."""
    found = number(value, what)
    if found != int(found) or not 1 <= found <= MAX_SIDE:
        raise DataError(f"{what} is {_short(value)}; a whole number, 1 to {MAX_SIDE}, is expected.")
    return int(found)


def text(value: Any, what: str) -> str:
    """Words that are not empty, without blanks around them; raises DataError."""
    if not isinstance(value, str) or not value.strip():
        raise DataError(f"{what} is {_short(value)}; a name is expected.")
    return value.strip()


def listing(value: Any, what: str) -> list[Any]:
    """A list; raises DataError."""
    if not isinstance(value, list):
        raise DataError(f"{what} is {_short(value)}; a list is expected.")
    return value


def mapping(value: Any, what: str) -> dict[str, Any]:
    """An object; raises DataError."""
    if not isinstance(value, dict):
        raise DataError(f"{what} is {_short(value)}; an object is expected.")
    return value


def points(value: Any, what: str) -> list[tuple[float, float]]:
    """Pairs of numbers; raises DataError."""
    found = []
    for index, each in enumerate(listing(value, what)):
        pair = listing(each, f"{what}[{index}]")
        if len(pair) != 2:
            raise DataError(f"{what}[{index}] has {len(pair)} numbers; x and y are expected.")
        found.append((number(pair[0], f"{what}[{index}]"), number(pair[1], f"{what}[{index}]")))
    return found


def _short(value: Any) -> str:
    shown = repr(value)
    return shown if len(shown) <= 60 else f"{shown[:60]}…"
