"""From the words of a command line to the photographs of a run.

cat.jpg             a file, whatever its suffix
photos/             the photographs of a folder; of its subfolders too where that is asked for
s3://bucket/photos/ the photographs of a bucket below a prefix
-                   the one on standard input
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from handler.bucket.keys import SCHEME
from handler.bucket.objects import ObjectStore
from handler.client.photo_files import PhotoFile, StandardInput, list_folder
from handler.client.photo_names import NamedPhoto, PhotoSource, name_photos
from handler.client.skipped import Skipped
from handler.client.text import printable
from handler.errors import BadImage, BadOptions
from handler.photo.formats import SUFFIXES

STANDARD_INPUT = "-"
_URL = re.compile(r"([a-z][a-z0-9+.-]*)://|(data):", re.IGNORECASE)

# s3://bucket/prefix -> the bucket, and the prefix in it.
OpenUrl = Callable[[str], tuple[ObjectStore, str]]


class UrlNotFetched(BadImage):
    """A URL where a file is expected."""


class NoPhotographs(BadImage):
    """A bucket's prefix without photographs."""


@dataclass(frozen=True, slots=True)
class Search:
    """What was found, each photograph once, in the order of the command line."""

    photos: list[NamedPhoto]
    skipped: Skipped = field(default_factory=Skipped)


@dataclass(frozen=True, slots=True)
class Unreadable:
    """An argument that is no photograph; reading it raises the reason."""

    path: str
    error: BadImage

    @property
    def name(self) -> str:
        """The argument."""
        return self.path

    @property
    def relative(self) -> str:
        """The argument."""
        return self.path

    def read(self, max_bytes: int) -> bytes:
        """Raise the reason."""
        raise self.error


def find_photos(arguments: Iterable[str], open_url: OpenUrl, *, recursive: bool = False) -> Search:
    """Find every photograph once.

    What does not exist or cannot be read is listed too, and fails when it is read, so that one
    wrong name does not stop the others. Raises BadOptions for an empty argument, and a
    StorageError for a bucket that cannot be listed.
    """
    skipped = Skipped()
    sources: dict[str, PhotoSource] = {}
    for argument in arguments:
        for source in _expand(argument, open_url, skipped, recursive):
            sources.setdefault(_identity(source), source)
    return Search(name_photos([*sources.values()]), skipped)


def _expand(
    argument: str, open_url: OpenUrl, skipped: Skipped, recursive: bool
) -> Iterator[PhotoSource]:
    if not argument:
        raise BadOptions("A photograph's path is empty; a file or a folder is expected.")
    if argument == STANDARD_INPUT:
        yield StandardInput()
    elif argument.startswith(SCHEME):
        yield from _objects(argument, open_url, skipped)
    elif url := _URL.match(argument):
        yield Unreadable(printable(argument), _not_fetched(url[1] or url[2]))
    else:
        yield from _files(Path(argument), skipped, recursive)


def _files(path: Path, skipped: Skipped, recursive: bool) -> Iterator[PhotoSource]:
    found = list_folder(path, skipped, recursive=recursive) if _is_folder(path) else iter(())
    first = next(found, None)
    yield first or PhotoFile(path, path.name)
    yield from found


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:
        # Too long a path, or one through a folder that is closed to us: reading it says so.
        return False


def _objects(url: str, open_url: OpenUrl, skipped: Skipped) -> Iterator[PhotoSource]:
    from handler.client.photo_objects import list_objects

    found = list_objects(*open_url(url), skipped)
    first = next(found, None)
    yield first or Unreadable(
        printable(url), NoPhotographs(f"It holds no photograph ({', '.join(SUFFIXES)}).")
    )
    yield from found


def _not_fetched(scheme: str) -> UrlNotFetched:
    if scheme.lower() in ("http", "https"):
        return UrlNotFetched(
            "URLs are not fetched. Download the photograph first, or pipe it: "
            "curl --location URL | maskdrop detect -"
        )
    return UrlNotFetched(
        f"{scheme}: is not read. A photograph is a file, a folder, {SCHEME}BUCKET/PREFIX or - "
        "(standard input)."
    )


def _identity(source: PhotoSource) -> str:
    """The same for two names of one photograph."""
    return os.path.realpath(source.file) if isinstance(source, PhotoFile) else source.path
