"""The photographs of a bucket that a command line names: s3://bucket/prefix."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath

from handler.bucket.keys import SCHEME
from handler.bucket.objects import ObjectStore
from handler.client.skipped import Skipped
from handler.client.text import printable
from handler.photo.formats import SUFFIXES


@dataclass(frozen=True, slots=True)
class PhotoObject:
    """An object; `relative` is its key below the prefix's last `/`."""

    store: ObjectStore
    key: str
    relative: str

    @property
    def path(self) -> str:
        """s3://bucket/key, for people."""
        return printable(f"{SCHEME}{self.store.bucket}/{self.key}")

    @property
    def name(self) -> str:
        """The key's last part."""
        return PurePosixPath(self.key).name

    def read(self, max_bytes: int) -> bytes:
        """Read it whole; raises a StorageError."""
        return self.store.get(self.key, max_bytes=max_bytes).body


def list_objects(store: ObjectStore, prefix: str, skipped: Skipped) -> Iterator[PhotoObject]:
    """List the photographs below a prefix, however deep, by their suffixes."""
    above = prefix.rpartition("/")[0]
    for each in store.list_objects(prefix):
        if each.key.lower().endswith(SUFFIXES):
            yield PhotoObject(store, each.key, each.key.removeprefix(above).strip("/"))
        elif not each.key.endswith("/"):
            skipped.others[PurePosixPath(each.key).suffix.lower()] += 1
