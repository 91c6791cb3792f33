"""Results on disk, laid out as in the bucket: a folder per photograph, the manifest last.

Nothing half-written is ever seen: files are made in a hidden folder and renamed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterable
from pathlib import Path
from tempfile import TemporaryDirectory

from pydantic import ValidationError

from handler.detection.detector import Result
from handler.detection.outputs import render
from handler.errors import MaskdropError
from handler.schemas import Manifest, Options

_MANIFEST = "manifest.json"
# Of the hidden folders in which files are made; short, since a name may have 255 bytes in all.
_SCRATCH = ".maskdrop-"


class NotWritable(MaskdropError):
    """A folder or file that results cannot be written to."""


def check_writable(out: Path, files: Iterable[str] = ()) -> None:
    """Raise NotWritable unless `out`, and `files` in it, can be written; leaves nothing behind."""
    there = out
    while not there.exists() and there != there.parent:
        there = there.parent
    try:
        if not there.is_dir():
            raise NotADirectoryError(20, "it is not a folder")
        with TemporaryDirectory(dir=there, prefix=_SCRATCH):
            pass
    except OSError as error:
        raise NotWritable(_cannot_write(out, error, there)) from None
    for name in files:
        if (out / name).is_dir():
            raise NotWritable(f"{out / name} cannot be written: it is a folder.")


def _cannot_write(out: Path, error: OSError, there: Path) -> str:
    reason = (error.strerror or str(error)).lower()
    where = "" if there == out else f" ({there})"
    return f"Results cannot be written to {out}: {reason}{where}. Choose a folder with --out."


def check_replaceable(folder: Path) -> None:
    """Raise FileExistsError where `folder` is anything but an earlier result, or free."""
    if folder.exists() and read_manifest(folder) is None:
        raise FileExistsError(
            f"{folder} exists and is not a result of Maskdrop; it is not changed."
        )


def content_etag(data: bytes) -> str:
    """The MD5 of a photograph's bytes: the etag that S3 gives an object that came in one piece."""
    return hashlib.md5(data, usedforsecurity=False).hexdigest()


def find_result(
    folder: Path, etag: str, options: Options, model_digests: Collection[str]
) -> Manifest | None:
    """Find the result that `folder` holds of this photograph, these options, one of these models.

    Options that leave `edges` to the deployment take either. None where there is no such result,
    or a file of it is missing.
    """
    manifest = read_manifest(folder)
    if manifest is None or manifest.source.etag != etag:
        return None
    edges = options.edges or manifest.options.edges
    if manifest.options != options.model_copy(update={"edges": edges}):
        return None
    is_whole = all((folder / name).is_file() for name in manifest.outputs)
    return manifest if is_whole and manifest.model.digest in model_digests else None


def write_result(result: Result, folder: Path) -> Manifest:
    """Write a result's outputs and manifest as `folder`; raises as `write_folder` does."""
    return write_folder(folder, render(result), result.manifest)


def write_folder(
    folder: Path, files: Iterable[tuple[str, bytes]], describe: Callable[[list[str]], Manifest]
) -> Manifest:
    """Write files and the manifest that describes them, in place of an earlier result there.

    Raises OSError; FileExistsError where `folder` is anything but an earlier result.
    """
    check_replaceable(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=folder.parent, prefix=_SCRATCH) as scratch:
        made = Path(scratch) / "new"
        made.mkdir()
        manifest = describe([_write(made / name, data, name) for name, data in files])
        text = manifest.model_dump_json(indent=2)
        _write(made / _MANIFEST, text.encode(), _MANIFEST)
        if folder.exists():
            folder.rename(Path(scratch) / "old")
        made.rename(folder)
    return manifest


def read_manifest(folder: Path) -> Manifest | None:
    """Read the manifest of a result; None for a folder that is none."""
    try:
        return Manifest.model_validate_json((folder / _MANIFEST).read_bytes())
    except (OSError, ValidationError):
        return None


def write_file(data: bytes, path: Path) -> None:
    """Write `path` whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=path.parent, prefix=_SCRATCH) as scratch:
        made = Path(scratch) / path.name
        made.write_bytes(data)
        made.replace(path)


def _write(path: Path, data: bytes, name: str) -> str:
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(data)
    return name
