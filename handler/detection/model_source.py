"""The model's folder, wherever MASKDROP_MODEL says it is.

mask_rcnn_edge, /opt/models/mine      on this machine
s3://bucket/models/mine               the highest version there; so does mine/latest
s3://bucket/models/mine/3             that version

Of a bucket's version, what serving needs is downloaded when a process starts, and found again by
the next one on the same machine. A new version is taken up by processes that start after it was
put there: Lambda's cold starts, Cloud Run's new instances. A version counts once its manifest.json
is there, so that is to be put last.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory, gettempdir

from handler.bucket.keys import SCHEME
from handler.bucket.objects import ObjectStore
from model.runtime.backends import BackendName, served_files
from model.runtime.errors import DigestMismatch, ManifestError, ModelNotFound, NoRoom
from model.runtime.manifest import MANIFEST_NAME, ModelManifest, parse_manifest
from model.runtime.versions import find_model

MAX_MANIFEST_BYTES = 4 * 2**20

# s3://bucket/prefix -> the bucket, and the prefix in it.
OpenUrl = Callable[[str], tuple[ObjectStore, str]]


def find_model_folder(model: str, backend: BackendName, open_url: OpenUrl) -> Path:
    """Find the version folder of `model`; where it is in a bucket, download what `backend` reads.

    Raises a ModelError for what is no model, a StorageError for a bucket that fails, and
    BadKey for an s3:// without a bucket.
    """
    if not model.startswith(SCHEME):
        return find_model(model)
    store, prefix = open_url(model)
    return download_model(store, prefix, backend, private_folder())


def download_model(store: ObjectStore, prefix: str, backend: BackendName, cache: Path) -> Path:
    """Bring what `backend` reads of a version under `prefix` into `cache`, whole or not at all.

    The folder is named after the manifest's bytes: a version that was changed in the bucket
    is another one here.
    """
    version = find_version(store, prefix.strip("/"))
    body = store.get(f"{version}/{MANIFEST_NAME}", max_bytes=MAX_MANIFEST_BYTES).body
    manifest = parse_manifest(body, f"{SCHEME}{store.bucket}/{version}/{MANIFEST_NAME}")
    names = _needed(manifest, backend)
    folder = cache / f"{backend}-{hashlib.sha256(body).hexdigest()}"
    if _is_whole(folder, manifest, names):
        return folder
    _check_room(manifest, names, cache, f"{SCHEME}{store.bucket}/{version}")
    with TemporaryDirectory(dir=cache) as scratch:
        made = Path(scratch) / "made"
        for name in names:
            _download(store, f"{version}/{name}", manifest.files[name].sha256, made / name)
        (made / MANIFEST_NAME).write_bytes(body)
        _put_in_place(made, folder)
    return folder


def find_version(store: ObjectStore, prefix: str) -> str:
    """The prefix of the version that `prefix` means: itself, or the highest integer below it.

    Raises ModelNotFound, saying what is there instead.
    """
    prefix = prefix.removesuffix("/latest")
    keys = [each.key.removeprefix(f"{prefix}/") for each in store.list_objects(f"{prefix}/")]
    if MANIFEST_NAME in keys:
        return prefix
    if versions := _versions(keys):
        return f"{prefix}/{versions[-1]}"
    model = prefix.rpartition("/")[0]
    siblings = _versions(
        [each.key.removeprefix(f"{model}/") for each in store.list_objects(f"{model}/")]
    )
    known = f"; {model} has {', '.join(map(str, siblings))}" if siblings else ""
    raise ModelNotFound(
        f"{SCHEME}{store.bucket}/{prefix} has neither a {MANIFEST_NAME} nor a version (1, 2, …) "
        f"with one{known}."
    )


def private_folder() -> Path:
    """A folder of ours alone for temporary files, kept from one process to the next.

    Raises NoRoom where somebody else has made one of its name.
    """
    folder = Path(gettempdir()) / f"maskdrop-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o077:
        raise NoRoom(f"{folder} is not a folder of ours alone; models cannot be kept there.")
    return folder


def _versions(keys: list[str]) -> list[int]:
    numbers = (key.removesuffix(f"/{MANIFEST_NAME}") for key in keys if "/" in key)
    return sorted(int(each) for each in numbers if each.isascii() and each.isdecimal())


def _needed(manifest: ModelManifest, backend: BackendName) -> list[str]:
    golden = [manifest.golden.image] if manifest.golden else []
    wanted = [*served_files(backend, manifest), *golden]
    return [name for name in wanted if name in manifest.files]


def _is_whole(folder: Path, manifest: ModelManifest, names: list[str]) -> bool:
    """Whether an earlier process has left it here as it should be."""
    if not folder.is_dir():
        return False
    try:
        manifest.check_files(folder, *names)
    except (ManifestError, DigestMismatch):
        shutil.rmtree(folder)
        return False
    return True


def _check_room(manifest: ModelManifest, names: list[str], cache: Path, where: str) -> None:
    needed = sum(manifest.files[name].bytes for name in names)
    free = shutil.disk_usage(cache).free
    if needed > free:
        raise NoRoom(
            f"{where} needs {needed / 1e6:.1f} MB in {cache}; {free / 1e6:.1f} MB are free."
        )


def _download(store: ObjectStore, key: str, sha256: str, path: Path) -> None:
    body = store.get(key).body
    found = hashlib.sha256(body).hexdigest()
    if found != sha256:
        raise DigestMismatch(
            f"{SCHEME}{store.bucket}/{key} has SHA-256 {found}; {MANIFEST_NAME} expects {sha256}."
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(body)


def _put_in_place(made: Path, folder: Path) -> None:
    try:
        made.rename(folder)
    except OSError:
        # Another process was first, with the same bytes.
        if not folder.is_dir():
            raise
