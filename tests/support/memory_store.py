"""A bucket in memory that answers as S3 does; test_object_store.py holds it to that."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from threading import Lock
from typing import Literal

from handler.bucket.objects import ObjectInfo, PresignedPost, StoredObject
from handler.errors import ObjectNotFound, ObjectTooLarge, PreconditionFailed


class MemoryObjectStore:
    """An ObjectStore without versions; its links lead nowhere."""

    def __init__(self, bucket: str = "bucket") -> None:
        self.bucket = bucket
        self._bodies: dict[str, bytes] = {}
        self._lock = Lock()

    def get(
        self, key: str, *, max_bytes: int | None = None, version_id: str | None = None
    ) -> StoredObject:
        info = self.head(key, version_id=version_id)
        if max_bytes is not None and info.size > max_bytes:
            raise ObjectTooLarge(
                f"s3://{self.bucket}/{key} has {info.size} bytes; the limit is {max_bytes}."
            )
        return StoredObject(info, self._bodies[key])

    def head(self, key: str, *, version_id: str | None = None) -> ObjectInfo:
        if key not in self._bodies or version_id is not None:
            raise ObjectNotFound(f"Cannot read s3://{self.bucket}/{key}: no such object.")
        return self._info(key)

    def put(
        self,
        key: str,
        body: bytes,
        *,
        content_type: str,
        if_none_match: Literal["*"] | None = None,
        if_match: str | None = None,
    ) -> ObjectInfo:
        with self._lock:
            present = self._info(key).etag if key in self._bodies else None
            if (if_match or present) != present or (if_none_match and present):
                raise PreconditionFailed(f"s3://{self.bucket}/{key}: another writer was first.")
            self._bodies[key] = body
            return self._info(key)

    def list_objects(self, prefix: str) -> Iterator[ObjectInfo]:
        for key in sorted(self._bodies, key=str.encode):
            if key.startswith(prefix):
                yield self._info(key)

    def delete(self, keys: Iterable[str]) -> None:
        for key in list(keys):
            self._bodies.pop(key, None)

    def presign_get(self, key: str, *, expires_in: int) -> str:
        return f"memory://{self.bucket}/{key}?expires_in={expires_in}"

    def presign_post(
        self, key: str, *, content_type: str, max_bytes: int, expires_in: int
    ) -> PresignedPost:
        return PresignedPost(
            f"memory://{self.bucket}/?max_bytes={max_bytes}&expires_in={expires_in}",
            {"key": key, "Content-Type": content_type},
        )

    def _info(self, key: str) -> ObjectInfo:
        body = self._bodies[key]
        # As S3 does for objects put whole: the body's MD5.
        etag = hashlib.md5(body, usedforsecurity=False).hexdigest()
        return ObjectInfo(key, len(body), etag)
