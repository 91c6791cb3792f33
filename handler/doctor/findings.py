"""What a check comes to: green, red with the cure, or yellow where it cannot be checked from here.

A check is a function that answers in a few words what it found in order, or raises Trouble or
CannotTell.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import httpx2

from handler.errors import MaskdropError
from model.runtime.errors import ModelError

Level = Literal["green", "yellow", "red"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the report; `cure` is empty unless it is red."""

    check: str
    level: Level
    says: str
    cure: str = ""


class Trouble(Exception):
    """Something is wrong; `cure` is what to do, the check's usual one if not given."""

    def __init__(self, says: str, cure: str = "") -> None:
        super().__init__(says)
        self.cure = cure


class CannotTell(Exception):
    """The check is impossible from here; the message says why."""


def examine(check: str, look: Callable[[], str], cure: str) -> Finding:
    """Run one check; `cure` is for errors that bring none."""
    try:
        return Finding(check, "green", look())
    except CannotTell as reason:
        return Finding(check, "yellow", str(reason))
    except Trouble as trouble:
        return Finding(check, "red", str(trouble), trouble.cure or cure)
    except httpx2.HTTPError as error:
        return Finding(check, "red", f"No answer: {error}.", cure)
    except (MaskdropError, ModelError) as error:
        return Finding(check, "red", str(error), cure)
