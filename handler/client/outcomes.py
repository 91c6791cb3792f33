"""What became of one photograph among many."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, Self

from handler.errors import problem_type
from handler.schemas import Manifest


class Photo(Protocol):
    """A photograph to read, wherever it is."""

    @property
    def path(self) -> Path | str:
        """Where it is, for people."""

    @property
    def name(self) -> str:
        """Its file name."""

    @property
    def folder(self) -> str:
        """The name, unique in its run, of the folder of its results."""

    def read(self, max_bytes: int) -> bytes:
        """Read it whole; raises OSError, a MaskdropError or ImageTooLarge."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """Its manifest, or why there is none; `cause` is stable, `error` is for people."""

    photo: Photo
    manifest: Manifest | None = None
    error: str = ""
    cause: str = ""

    @classmethod
    def failed(cls, photo: Photo, error: Exception) -> Self:
        """Put an error into words."""
        cause = getattr(error, "type", problem_type(type(error)))
        return cls(photo, error=_words(error, photo), cause=cause.rpartition(":")[2])


def _words(error: Exception, photo: Photo) -> str:
    if isinstance(error, OSError) and error.strerror:
        elsewhere = error.filename and str(error.filename) != str(photo.path)
        return f"{error.strerror}: {error.filename}." if elsewhere else f"{error.strerror}."
    if isinstance(error, MemoryError):
        return "There is not enough memory to detect in it."
    # What nobody raised on purpose says little without its name.
    named = type(error).__module__ == "builtins" and not isinstance(error, OSError)
    return f"{type(error).__name__}: {error}" if named else str(error)


def list_found(manifest: Manifest) -> str:
    """`2 person (0.98, 0.91), 1 cat (0.99)`: the most certain first, three scores at most."""
    scores: dict[str, list[str]] = {}
    for each in manifest.detections:
        scores.setdefault(each.class_name, []).append(f"{each.score:.2f}")
    return (
        ", ".join(
            f"{len(found)} {name} ({', '.join(found[:3])}{', …' * (len(found) > 3)})"
            for name, found in scores.items()
        )
        or "nothing"
    )
