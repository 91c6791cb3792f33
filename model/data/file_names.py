r"""Names of photographs as annotation tools write them, and the files that they mean.

    images\cat.jpg                            a path of Windows
    cat%201.jpg                               percent-encoded; or a file that is called so
    https://host/album/cat.jpg?X-Amz-Date=…   a link
    s3://bucket/inbox/cat.jpg                 an object
    /data/local-files/?d=album/cat.jpg        Label Studio's local storage
    /data/upload/3/0f3a1b2c-cat.jpg           Label Studio's uploads, which get a prefix

What a name means is told by the files that are there: the form that exists counts, the one closest
to what is written first.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path, PurePosixPath
from urllib.parse import parse_qs, unquote, urlsplit

from model.runtime.errors import DataError

_UPLOADED = re.compile(r"^[0-9a-f]{8}-(?=.)")
_DRIVE = re.compile(r"^[A-Za-z]:(?=[/\\])")


class PhotoFiles:
    """The photographs in a folder, found by what other tools call them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def find(self, written: str) -> str | None:
        """The path below the folder, with `/`; None where there is no such file.

        Raises DataError for a name that several files have.
        """
        forms = list(dict.fromkeys(_forms(written)))
        for form in forms:
            if self._is_here(form):
                return form
        for form in forms:
            found = self._by_name.get(PurePosixPath(form).name, [])
            if len(found) > 1:
                raise DataError(
                    f"{written!r} may be {found[0]} or {found[1]} in {self.folder}; "
                    "give the files names of their own."
                )
            if found:
                return found[0]
        return None

    def _is_here(self, form: str) -> bool:
        try:
            return (self.folder / form).is_file()
        except (OSError, ValueError):
            # Longer than a file's name may be, or with a NUL in it.
            return False

    @cached_property
    def _by_name(self) -> dict[str, list[str]]:
        """Every file below the folder by its name alone."""
        found: dict[str, list[str]] = {}
        for path in sorted(self.folder.rglob("*")):
            if path.is_file():
                found.setdefault(path.name, []).append(path.relative_to(self.folder).as_posix())
        return found


def plain_name(written: str) -> str:
    """What a photograph is called that is not there to be compared with."""
    forms = list(_forms(written))
    return PurePosixPath(forms[-1]).name or written


def _forms(written: str) -> Iterator[str]:
    """What a name may mean, relative and within the folder: the closest to the letter first."""
    for base in _bases(written):
        path = _DRIVE.sub("", base)
        for form in (
            path,
            path.replace("\\", "/"),
            unquote(path),
            unquote(path.replace("\\", "/")),
        ):
            yield from _tails(form)


def _bases(written: str) -> Iterator[str]:
    """The name, and what is in it where it is a URL; the URL itself is no path."""
    url = urlsplit(written) if "://" in written or written.startswith("/data/") else None
    if url is None:
        yield written
        return
    local = parse_qs(url.query).get("d") if url.path == "/data/local-files/" else None
    yield local[0] if local else url.path


def _tails(path: str) -> Iterator[str]:
    """The path, then without its first folders; a prefix of an upload is taken off in the end."""
    parts = [part for part in path.split("/") if part not in ("", ".")]
    if ".." in parts:
        parts = parts[len(parts) - parts[::-1].index("..") :]
    for start in range(len(parts)):
        yield "/".join(parts[start:])
    if parts and _UPLOADED.search(parts[-1]):
        yield _UPLOADED.sub("", parts[-1])
