"""The photographs of a bucket that a command line names: s3://bucket/prefix."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePosixPath

from handler.bucket.keys import SCHEME
from handler.bucket.objects import ObjectStore
from handler.client.photo_files import unique_name
from handler.photo.formats import SUFFIXES


@dataclass(frozen=True, slots=True)
class PhotoObject:
    """One photograph to read; its results go to a folder named after its key."""

    store: ObjectStore
    key: str
    folder: str

    @property
    def path(self) -> str:
        """s3://bucket/key"""
        return f"{SCHEME}{self.store.bucket}/{self.key}"

    @property
    def name(self) -> str:
        """The key's last part."""
        return PurePosixPath(self.key).name

    def read(self, max_bytes: int) -> bytes:
        """Read it whole; raises a StorageError."""
        return self.store.get(self.key, max_bytes=max_bytes).body


def find_photo_objects(store: ObjectStore, prefix: str) -> list[PhotoObject]:
    """List the photographs below a prefix, however deep, by their names' endings.

    Results of `album/2026/cat.jpg` go to `2026__cat.jpg` when `album/` is asked for.
    """
    above = prefix.rpartition("/")[0]
    taken: set[str] = set()
    return [
        PhotoObject(store, each.key, unique_name(_folder(each.key.removeprefix(above)), taken))
        for each in store.list_objects(prefix)
        if each.key.lower().endswith(SUFFIXES)
    ]


def _folder(path: str) -> str:
    return path.strip("/").replace("/", "__")
