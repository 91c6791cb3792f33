"""Where model versions are.

    <base>/<name>/<integer>/manifest.json, model.tflite, golden.jpg, …

The layout is TF Serving's, so its server can be pointed at the same folders.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from model.runtime.errors import ModelNotFound
from model.runtime.manifest import MANIFEST_NAME

# The models that come with the code; the first is the embedded default.
ZOO = Path(__file__).resolve().parents[1] / "zoo"
DEFAULT_MODEL = "mask_rcnn_edge"
# Where a user's own models are, from the folder that a command runs in.
LOCAL_MODELS = Path("models")


def find_model(model: str) -> Path:
    """Find a version folder by its path, its model folder's path, or a name.

    A name is looked for in `models/`, then in the zoo.
    """
    path = Path(model)
    if path.is_dir():
        return latest_version(path)
    name = model.partition("/")[0]
    return resolve(LOCAL_MODELS if (LOCAL_MODELS / name).is_dir() else ZOO, model)


def resolve(base: Path, model: str) -> Path:
    """Find the version folder of `name`, `name/latest` or `name/<integer>` under `base`.

    Raises ModelNotFound, saying what is there instead.
    """
    name, _, version = model.partition("/")
    folder = base / name
    if not name or not folder.is_dir():
        raise ModelNotFound(f"No model {name!r} in {base}; there is {_listed(_folders(base))}.")
    if version in ("", "latest"):
        return latest_version(folder)
    if not (folder / version).is_dir() or not version.isdecimal():
        known = _listed(str(number) for number in versions(folder))
        raise ModelNotFound(f"Model {name!r} has no version {version!r}; there is {known}.")
    return folder / version


def latest_version(folder: Path) -> Path:
    """Take `folder` itself if it is a version folder, else the highest integer in it.

    Raises ModelNotFound when it is neither a version nor holds one.
    """
    if (folder / MANIFEST_NAME).is_file():
        return folder
    numbers = versions(folder)
    if not numbers:
        raise ModelNotFound(
            f"{folder} has neither a {MANIFEST_NAME} nor a version folder (1, 2, …)."
        )
    return folder / str(numbers[-1])


def versions(folder: Path) -> list[int]:
    """List the version numbers of a model folder, ascending."""
    return sorted(int(name) for name in _folders(folder) if name.isdecimal())


def _folders(base: Path) -> list[str]:
    return sorted(each.name for each in base.iterdir() if each.is_dir()) if base.is_dir() else []


def _listed(names: Iterable[str]) -> str:
    return ", ".join(names) or "none"
