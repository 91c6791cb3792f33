"""What the photographs of a run are called, so that no two share a name.

title     in tables and exports: the file name, or the path below the folder that was searched
folder    of the results: the title without its suffix, `/` as `__`
image_id  in COCO files: the number where the file name is one, else the title without its suffix

Where two photographs would share one, the longer form is taken: `cat.jpg` in place of `cat`,
`a/cat.jpg` in place of `cat.jpg`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Protocol

from handler.client.text import as_text, folder_name

# The largest integer that every JSON reader keeps (JavaScript's Number.MAX_SAFE_INTEGER).
MAX_IMAGE_ID = 2**53 - 1


class PhotoSource(Protocol):
    """A photograph to read, wherever it is."""

    @property
    def path(self) -> str:
        """Where it is, for people."""

    @property
    def name(self) -> str:
        """Its file name."""

    @property
    def relative(self) -> str:
        """Its path below the folder or prefix that was searched; its name where it was named."""

    def read(self, max_bytes: int) -> bytes:
        """Read it whole; raises OSError or a MaskdropError, ImageTooLarge past `max_bytes`."""


@dataclass(frozen=True, slots=True)
class NamedPhoto:
    """A photograph of a run; `title`, `folder` and `image_id` are unique in the run."""

    source: PhotoSource
    title: str
    folder: str
    image_id: int | str

    @property
    def path(self) -> str:
        """Where it is, for people."""
        return self.source.path

    @property
    def name(self) -> str:
        """Its file name."""
        return self.source.name

    def read(self, max_bytes: int) -> bytes:
        """Read it whole; raises as the source does."""
        return self.source.read(max_bytes)


def name_photos(sources: Sequence[PhotoSource]) -> list[NamedPhoto]:
    """Give each photograph of a run its names, in the order given."""
    titles = _titles(sources)
    folders = _folders([as_text(each.relative) for each in sources])
    ids = image_ids(titles)
    return [NamedPhoto(*names) for names in zip(sources, titles, folders, ids, strict=True)]


def image_ids(titles: Sequence[str]) -> list[int | str]:
    """Number or name images for COCO files: 000000000139.jpg is 139, beach.jpg is "beach".

    A number that several photographs of the run would have, or that is past 2^53 - 1, is a name.
    """
    numbers = [_number(each) for each in titles]
    shared = Counter(numbers)
    stems = Counter(map(_stem, titles))
    names = (_stem(each) if stems[_stem(each)] == 1 else each for each in titles)
    return [
        name if number is None or shared[number] > 1 else number
        for number, name in zip(numbers, _all_different(names), strict=True)
    ]


def _titles(sources: Sequence[PhotoSource]) -> list[str]:
    names = [as_text(each.relative) for each in sources]
    times = Counter(names)
    return _all_different(
        name if times[name] == 1 else as_text(source.path)
        for name, source in zip(names, sources, strict=True)
    )


def _folders(names: Sequence[str]) -> list[str]:
    # File systems may ignore case.
    stems = Counter(_stem(each).lower() for each in names)
    wanted = (_stem(each) if stems[_stem(each).lower()] == 1 else each for each in names)
    return _all_different(map(folder_name, wanted), key=str.lower)


def _all_different(names: Iterable[str], key: Callable[[str], str] = str) -> list[str]:
    """Add -2, -3, … to names that were there before; `key` is what has to differ."""
    taken: set[str] = set()
    different = []
    for name in names:
        unique, number = name, 1
        while key(unique) in taken:
            number += 1
            unique = f"{name}-{number}"
        taken.add(key(unique))
        different.append(unique)
    return different


def _stem(name: str) -> str:
    """`2026/cat` of 2026/cat.jpg."""
    return name.removesuffix(PurePosixPath(name).suffix)


def _number(title: str) -> int | None:
    stem = PurePosixPath(title).stem
    is_number = stem.isascii() and stem.isdecimal() and len(stem) <= 16
    return number if is_number and (number := int(stem)) <= MAX_IMAGE_ID else None
