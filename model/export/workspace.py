"""What an export has finished so far, kept until it ends well."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

from model.runtime.manifest import ModelManifest

_KEY_NAME = "key"
# What decides the bytes of a stage besides the version itself.
_SOURCES = ("architecture", "export", "config.py")
_PACKAGES = ("tensorflow-cpu", "ai-edge-quantizer", "ai-edge-litert")


class Workspace:
    """A folder beside the exported version, `.<version>-export`, with one file per stage.

    What another version, another release of the libraries or other code has left is removed.
    """

    def __init__(self, target: Path, manifest: ModelManifest) -> None:
        self.folder = target.parent / f".{target.name}-export"
        key = _key(manifest)
        path = self.folder / _KEY_NAME
        if not path.exists() or path.read_text(encoding="utf-8") != key:
            shutil.rmtree(self.folder, ignore_errors=True)
            self.folder.mkdir(parents=True)
            path.write_text(key, encoding="utf-8")

    def stage(self, name: str, make: Callable[[], bytes]) -> tuple[bytes, bool]:
        """Return the stage's bytes, made unless they are kept, and whether they were made now."""
        path = self.folder / name
        if path.exists():
            return path.read_bytes(), False
        data = make()
        part = path.with_name(path.name + ".part")
        part.write_bytes(data)
        part.replace(path)
        return data, True

    def remove(self) -> None:
        """Remove everything, once the export has ended well."""
        shutil.rmtree(self.folder, ignore_errors=True)


def _key(manifest: ModelManifest) -> str:
    """Return a digest of what the stages are made from and with."""
    package = Path(__file__).parents[1]
    digest = hashlib.sha256()
    for name in _SOURCES:
        path = package / name
        for file in sorted(path.rglob("*.py")) if path.is_dir() else [path]:
            digest.update(file.read_bytes())
    made_from = {
        "weights": manifest.files["weights.npz"].sha256,
        "preset": manifest.preset,
        "changes": manifest.preset_changes,
        "buckets": manifest.preprocessing.buckets,
        "classes": len(manifest.classes),
        "packages": {name: _version(name) for name in _PACKAGES},
    }
    digest.update(json.dumps(made_from, sort_keys=True).encode())
    return digest.hexdigest()


def _version(package: str) -> str | None:
    try:
        return version(package)
    except ModuleNotFoundError:
        return None
