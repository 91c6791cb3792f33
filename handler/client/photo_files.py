"""The photographs that a command line names: files, folders of files, standard input."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from handler.errors import BadImage, ImageTooLarge
from handler.photo.formats import SUFFIXES

STANDARD_INPUT = "-"


@dataclass(frozen=True, slots=True)
class PhotoFile:
    """One photograph to read; `folder` is the name, unique in its run, for its results."""

    path: Path
    folder: str

    @property
    def name(self) -> str:
        """The file's name, for people and manifests."""
        return "stdin" if _is_standard_input(self.path) else self.path.name

    def read(self, max_bytes: int) -> bytes:
        """Read it whole.

        Raises OSError, ImageTooLarge, or BadImage for a folder (one without photographs;
        of others `find_photos` takes the files).
        """
        if _is_standard_input(self.path):
            return sys.stdin.buffer.read()
        if self.path.is_dir():
            raise BadImage(f"The folder holds no photograph ({', '.join(SUFFIXES)}).")
        size = self.path.stat().st_size
        if size > max_bytes:
            raise ImageTooLarge(f"The file has {size:,} bytes; at most {max_bytes:,} are allowed.")
        return self.path.read_bytes()


def find_photos(arguments: Iterable[str]) -> list[PhotoFile]:
    """List every photograph once: files as named, folders' photographs sorted by name.

    What does not exist is listed too, and fails when it is read, so that one wrong
    name does not stop the others.
    """
    paths = {path.resolve(): path for argument in arguments for path in _expand(argument)}
    return _with_folders(list(paths.values()))


def _expand(argument: str) -> Iterator[Path]:
    path = Path(argument)
    found = [] if _is_standard_input(path) or not path.is_dir() else sorted(path.iterdir())
    photos = [each for each in found if _is_photo(each)]
    yield from photos or [path]


def _is_photo(path: Path) -> bool:
    # macOS leaves `._photo.jpg` beside photographs on foreign disks.
    hidden = path.name.startswith(".")
    return path.suffix.lower() in SUFFIXES and not hidden and path.is_file()


def _with_folders(paths: list[Path]) -> list[PhotoFile]:
    """Name each result after its photograph: `cat`; `cat.jpg` where there is cat.png too."""
    stems = Counter(path.stem.lower() for path in paths)
    taken: set[str] = set()
    photos = []
    for path in paths:
        name = path.stem if stems[path.stem.lower()] == 1 else path.name
        name = "stdin" if _is_standard_input(path) else name
        photos.append(PhotoFile(path, unique_name(name, taken)))
    return photos


def unique_name(name: str, taken: set[str]) -> str:
    """Add -2, -3, … to a name that is taken (file systems may ignore case)."""
    unique, number = name, 1
    while unique.lower() in taken:
        number += 1
        unique = f"{name}-{number}"
    taken.add(unique.lower())
    return unique


def _is_standard_input(path: Path) -> bool:
    return str(path) == STANDARD_INPUT
