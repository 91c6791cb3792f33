"""The photographs of an S3 bucket that a command line names: s3://bucket/prefix."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePosixPath

from handler.errors import BadKey
from handler.photo_files import SUFFIXES, unique_name
from handler.storage import ObjectStore, S3ObjectStore, s3_client

SCHEME = "s3://"


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


def open_prefix(url: str, region: str, endpoint_url: str | None) -> tuple[ObjectStore, str]:
    """Split s3://bucket/prefix; raises BadKey where there is no bucket."""
    bucket, _, prefix = url.removeprefix(SCHEME).partition("/")
    if not bucket:
        raise BadKey(f"{url!r} names no bucket; s3://bucket/prefix is expected.")
    return S3ObjectStore(bucket, s3_client(region, endpoint_url=endpoint_url)), prefix


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
