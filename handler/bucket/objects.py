"""One bucket, as the rest of Maskdrop sees it: what anybody may ask of it, in no cloud's words.

s3.py is Amazon S3, or any server that speaks its protocol; gcs.py is Google Cloud Storage.

Every failure is a StorageError of handler.errors. Keys are plain text, never
URL-quoted. ETags come without quotes. Both presigned forms live `expires_in` seconds.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal, Protocol


@dataclass(frozen=True, slots=True)
class ObjectInfo:
    """What a bucket knows about an object without reading it.

    `version_id` is None where the bucket keeps no versions, and in listings.
    """

    key: str
    size: int
    etag: str
    version_id: str | None = None


@dataclass(frozen=True, slots=True)
class StoredObject:
    """An object and its bytes."""

    info: ObjectInfo
    body: bytes


@dataclass(frozen=True, slots=True)
class PresignedPost:
    """A form that uploads one file: `fields` in any order, then the field `file` last."""

    url: str
    fields: dict[str, str]


class ObjectStore(Protocol):
    """One bucket."""

    @property
    def bucket(self) -> str:
        """The bucket's name."""

    def get(
        self, key: str, *, max_bytes: int | None = None, version_id: str | None = None
    ) -> StoredObject:
        """Read an object; raises ObjectNotFound, or ObjectTooLarge before reading its bytes."""

    def head(self, key: str, *, version_id: str | None = None) -> ObjectInfo:
        """Describe an object; raises ObjectNotFound."""

    def put(
        self,
        key: str,
        body: bytes,
        *,
        content_type: str,
        if_none_match: Literal["*"] | None = None,
        if_match: str | None = None,
    ) -> ObjectInfo:
        """Write an object whole.

        `if_none_match="*"`: only where the key is free, else PreconditionFailed.
        `if_match=etag`: only over that very object, else PreconditionFailed.
        """

    def list_objects(self, prefix: str) -> Iterator[ObjectInfo]:
        """Every object whose key starts with `prefix`, in the keys' UTF-8 order."""

    def delete(self, keys: Iterable[str]) -> None:
        """Delete objects; a key that does not exist is no error."""

    def presign_get(self, key: str, *, expires_in: int) -> str:
        """Make a link that reads this object."""

    def presign_post(
        self, key: str, *, content_type: str, max_bytes: int, expires_in: int
    ) -> PresignedPost:
        """Make a form that writes exactly this key and type, 1 to `max_bytes` bytes."""
