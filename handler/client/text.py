"""Names that came from a file system or a bucket, as text that can be printed, sent and stored."""

from __future__ import annotations

import hashlib
import re
from pathlib import PurePosixPath

# Python's stand-ins for bytes of a file name that are not UTF-8.
_NOT_UTF8 = re.compile(r"[\ud800-\udfff]")
# What a terminal would obey rather than show: control codes, line separators, changes of direction.
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
# A folder's name may have 255 bytes on most file systems; the rest is room for `-2`.
_MAX_FOLDER_BYTES = 200
# What POST /v1/uploads takes as a file name, bytes.
_MAX_UPLOAD_BYTES = 255


def as_text(name: str) -> str:
    """Make a name valid Unicode: each byte that is not UTF-8 becomes U+FFFD (�)."""
    return _NOT_UTF8.sub("\ufffd", name)


def printable(text: str, keep: str = "") -> str:
    r"""Make text safe for a terminal: control characters, but those in `keep`, become `\x1b`."""

    def escaped(found: re.Match[str]) -> str:
        character = found[0]
        return character if character in keep else ascii(character)[1:-1]

    return _CONTROL.sub(escaped, as_text(text))


def folder_name(path: str) -> str:
    """Name the folder of a photograph's results: its path in one word of 200 bytes at most.

    `2026/cat` becomes `2026__cat`. What is cut off is replaced by a digest of the whole.
    """
    name = _CONTROL.sub("_", as_text(path).strip("/").replace("/", "__"))
    if len(name.encode()) <= _MAX_FOLDER_BYTES:
        return name
    digest = hashlib.sha256(name.encode()).hexdigest()[:8]
    return f"{_cut(name, _MAX_FOLDER_BYTES - 9)}-{digest}"


def upload_name(name: str) -> str:
    """Make a name that the service takes for an upload: no path, no control characters."""
    clean = _CONTROL.sub("_", re.sub(r"[/\\]", "_", as_text(name))).replace("${", "_{")
    path = PurePosixPath(clean)
    if clean in ("", ".", ".."):
        return "photo"
    if len(clean.encode()) <= _MAX_UPLOAD_BYTES:
        return clean
    suffix = path.suffix if len(path.suffix.encode()) < _MAX_UPLOAD_BYTES // 2 else ""
    return _cut(path.stem, _MAX_UPLOAD_BYTES - len(suffix.encode())) + suffix


def _cut(text: str, size: int) -> str:
    """The longest start of `text` of at most `size` bytes of UTF-8."""
    return text.encode()[:size].decode(errors="ignore")
