"""Results on disk, laid out as in the bucket: a folder per photograph, the manifest last.

Nothing half-written is ever seen: files are made in a hidden folder and renamed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from tempfile import TemporaryDirectory

from pydantic import ValidationError

from handler.detection.detector import Result
from handler.detection.outputs import render
from handler.schemas import Manifest

_MANIFEST = "manifest.json"


def write_result(result: Result, folder: Path) -> Manifest:
    """Write a result's outputs and manifest as `folder`; raises as `write_folder` does."""
    return write_folder(folder, render(result), result.manifest)


def write_folder(
    folder: Path, files: Iterable[tuple[str, bytes]], describe: Callable[[list[str]], Manifest]
) -> Manifest:
    """Write files and the manifest that describes them, in place of an earlier result there.

    Raises OSError; FileExistsError where `folder` is anything but an earlier result.
    """
    if folder.exists() and read_manifest(folder) is None:
        raise FileExistsError(f"{folder} exists and is no result of Maskdrop; it is left alone.")
    folder.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}-") as scratch:
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
    with TemporaryDirectory(dir=path.parent, prefix=f".{path.name}-") as scratch:
        made = Path(scratch) / path.name
        made.write_bytes(data)
        made.replace(path)


def _write(path: Path, data: bytes, name: str) -> str:
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(data)
    return name
