"""Results on disk, laid out as in the bucket: a folder per photograph, the manifest last.

Nothing half-written is ever seen: files are made in a hidden folder and renamed.
"""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from pydantic import ValidationError

from handler.detection import Result
from handler.outputs import render
from handler.schemas import Manifest

_MANIFEST = "manifest.json"


def write_result(result: Result, folder: Path) -> Manifest:
    """Write a result's outputs and manifest as `folder`, in place of an earlier result there.

    Raises OSError; FileExistsError where `folder` is anything but an earlier result.
    """
    if folder.exists() and not _is_result(folder):
        raise FileExistsError(f"{folder} exists and is no result of Maskdrop; it is left alone.")
    folder.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}-") as scratch:
        made = Path(scratch) / "new"
        made.mkdir()
        outputs = [_write(made / name, data, name) for name, data in render(result)]
        manifest = result.manifest(outputs)
        text = manifest.model_dump_json(indent=2)
        _write(made / _MANIFEST, text.encode(), _MANIFEST)
        if folder.exists():
            folder.rename(Path(scratch) / "old")
        made.rename(folder)
    return manifest


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


def _is_result(folder: Path) -> bool:
    try:
        Manifest.model_validate_json((folder / _MANIFEST).read_bytes())
    except (OSError, ValidationError):
        return False
    return True
