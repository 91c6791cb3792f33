"""Photographs on this machine: a file, the files of a folder, standard input."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from handler.client.result_folder import read_manifest
from handler.client.skipped import Skipped
from handler.client.text import as_text, printable
from handler.errors import BadImage, ImageTooLarge
from handler.photo.formats import SUFFIXES


@dataclass(frozen=True, slots=True)
class PhotoFile:
    """A file; `file` is its path, `relative` as a PhotoSource has it."""

    file: Path
    relative: str

    @property
    def path(self) -> str:
        """The path, for people."""
        return printable(str(self.file))

    @property
    def name(self) -> str:
        """The file's name, for people and manifests."""
        return as_text(self.file.name)

    def read(self, max_bytes: int) -> bytes:
        """Read it whole; raises OSError or ImageTooLarge, and BadImage for a folder."""
        if self.file.is_dir():
            next(os.scandir(self.file), None)  # One that may not be listed says so.
            raise BadImage(
                f"The folder holds no photograph ({', '.join(SUFFIXES)}); "
                "--recursive searches its subfolders too."
            )
        with self.file.open("rb") as file:
            return read_at_most(max_bytes, file, os.fstat(file.fileno()).st_size)


@dataclass(frozen=True, slots=True)
class StandardInput:
    """The one photograph on standard input."""

    path: str = "-"
    name: str = "stdin"
    relative: str = "stdin"

    def read(self, max_bytes: int) -> bytes:
        """Read it whole; raises ImageTooLarge."""
        return read_at_most(max_bytes, sys.stdin.buffer)


def read_at_most(max_bytes: int, file: BinaryIO, size: int = 0) -> bytes:
    """Read a stream whole; raises ImageTooLarge, unread where its `size` says so."""
    if size > max_bytes:
        raise ImageTooLarge(f"The file has {size:,} bytes; at most {max_bytes:,} are allowed.")
    data = file.read(max_bytes + 1)
    if len(data) > max_bytes:
        raise ImageTooLarge(
            f"The file has more than {max_bytes:,} bytes; at most {max_bytes:,} are allowed."
        )
    return data


def list_folder(folder: Path, skipped: Skipped, *, recursive: bool) -> Iterator[PhotoFile]:
    """List the photographs of a folder, by their suffixes, sorted by path.

    Hidden files and folders, links to folders and earlier results are `skipped`, and so are
    subfolders unless `recursive`. A folder that cannot be listed is listed itself: reading it
    raises the reason.
    """
    try:
        entries = sorted(os.scandir(folder), key=lambda each: each.name)
    except OSError:
        yield PhotoFile(folder, folder.name)
        return
    for entry in entries:
        path = folder / entry.name
        if entry.name.startswith("."):
            # macOS leaves `._photo.jpg` beside photographs on foreign disks.
            skipped.hidden += 1
        elif entry.is_dir():
            yield from _list_subfolder(path, entry.is_symlink(), skipped, recursive)
        elif path.suffix.lower() not in SUFFIXES or not entry.is_file():
            skipped.others[as_text(path.suffix.lower())] += 1
        else:
            yield PhotoFile(path, entry.name)


def _list_subfolder(
    path: Path, is_link: bool, skipped: Skipped, recursive: bool
) -> Iterator[PhotoFile]:
    if read_manifest(path) is not None:
        skipped.results += 1
    elif is_link:
        skipped.links += 1
    elif not recursive:
        skipped.folders += 1
    else:
        for each in list_folder(path, skipped, recursive=True):
            yield PhotoFile(each.file, f"{path.name}/{each.relative}")
