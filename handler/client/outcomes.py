"""What became of one photograph among many."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

from handler.client.photo_names import NamedPhoto
from handler.client.text import printable
from handler.errors import problem_type
from handler.schemas import Manifest

# Causes of failures in words that follow a number; others are the name of their problem.
_CAUSES = {
    "access-denied": "access denied by the bucket",
    "answer": "unexpected answer",
    "bad-image": "not a photograph",
    "bad-key": "file name refused by the service",
    "broken-image": "damaged image",
    "bucket": "refused by the bucket",
    "file-exists-error": "results folder in use",
    "file-not-found-error": "file not found",
    "image-too-large": "image too large",
    "interrupted": "interrupted",
    "memory-error": "not enough memory",
    "is-a-directory-error": "folder in place of a file",
    "network": "service not reachable",
    "no-photographs": "no photograph found",
    "not-a-directory-error": "file in place of a folder",
    "object-not-found": "object not found",
    "object-too-large": "image too large",
    "os-error": "file error",
    "permission-error": "permission denied",
    "storage-unavailable": "bucket not reachable",
    "timeout": "timed out",
    "unsupported-image": "unsupported format",
    "url-not-fetched": "URL not fetched",
}


@dataclass(frozen=True, slots=True)
class Outcome:
    """Its manifest, or why there is none; `cause` is stable, `error` is for people.

    `kept`: the result was there already, of an earlier run.
    """

    photo: NamedPhoto
    manifest: Manifest | None = None
    error: str = ""
    cause: str = ""
    kept: bool = False

    @classmethod
    def failed(cls, photo: NamedPhoto, error: Exception) -> Self:
        """Put an error into words."""
        cause = getattr(error, "type", problem_type(type(error)))
        return cls(photo, error=_words(error, photo), cause=cause.rpartition(":")[2])


def cause_words(cause: str) -> str:
    """Say a cause in plain words: `file not found` for file-not-found-error."""
    return _CAUSES.get(cause) or cause.removesuffix("-error").replace("-", " ")


def count_causes(causes: Iterable[str]) -> str:
    """`2 damaged image, 1 file not found`: the most frequent cause first."""
    counted = Counter(map(cause_words, causes))
    return ", ".join(f"{number:,} {words}" for words, number in counted.most_common())


def _words(error: Exception, photo: NamedPhoto) -> str:
    if isinstance(error, OSError) and error.strerror:
        elsewhere = error.filename and printable(str(error.filename)) != photo.path
        place = f": {printable(str(error.filename))}" if elsewhere else ""
        return f"{error.strerror}{place}."
    if isinstance(error, MemoryError):
        return "There is not enough memory to detect in it."
    # What nobody raised on purpose says little without its name.
    named = type(error).__module__ == "builtins" and not isinstance(error, OSError)
    words = f"{type(error).__name__}: {error}" if named else str(error)
    return printable(words, keep="\n")


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
