"""Annotated photographs, whatever tool they come from, on their way to COCO's format.

All coordinates are pixels of the photograph, x to the right and y down, (0, 0) its upper left
corner.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from model.runtime.rle import RLE

# x1, y1, x2, y2, … of one outline, as COCO has it.
Outline = list[float]


@dataclass(frozen=True, slots=True)
class Shape:
    """Where an object is: outlines, or run lengths, or its box (x, y, width, height) alone."""

    outlines: tuple[Outline, ...] = ()
    rle: RLE | None = None
    box: tuple[float, float, float, float] | None = None


@dataclass(frozen=True, slots=True)
class Thing:
    """One object; `where` names it in errors."""

    class_name: str
    shape: Shape
    where: str
    crowd: bool = False


@dataclass(slots=True)
class Photo:
    """One photograph: its name as the file has it, its size where the file tells it."""

    name: str
    width: int | None
    height: int | None
    where: str
    things: list[Thing] = field(default_factory=list)


@dataclass(slots=True)
class Scene:
    """All that was read.

    classes: in the file's order, with its ids where they have to stay.
    notes: what was left out or changed, and how often.
    """

    photos: list[Photo] = field(default_factory=list)
    classes: dict[str, int | None] = field(default_factory=dict)
    notes: Counter[str] = field(default_factory=Counter)

    def note(self, words: str) -> None:
        """Count one more of what was left out or changed."""
        self.notes[words] += 1
