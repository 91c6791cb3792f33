"""Notices that are still to be delivered, in the bucket: results/notices/{notice id}.json

A notice is written before its result's manifest and deleted after the receiver took it. A process
that ends in between leaves it, and another one delivers it: at least once, without any other state.

Whoever delivers a notice pushes its `due_at` into the future first, on the condition that nobody
else has done so. That is its lease; the others leave the notice alone until then.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal
from uuid import uuid4

from pydantic import BaseModel, ConfigDict, ValidationError

from handler.bucket.keys import NOTICES, manifest_key
from handler.bucket.objects import ObjectStore
from handler.bucket.result_store import AnyManifest, ResultStore
from handler.errors import ObjectNotFound, PreconditionFailed
from handler.schemas import Counted, Manifest, Notification

# The one who writes a notice delivers it at once; nobody else does for so long.
LEASE = timedelta(seconds=60)
# From the beginning of one try to the next; the last is repeated until LIFETIME is over. The first
# is longer than a try, so that a try that is under way is not made twice.
PAUSES = tuple(
    timedelta(seconds=each) for each in (20, 60, 300, 1800, 2 * 3600, 5 * 3600, 10 * 3600)
)
# As long as a weekend, so that who comes back on Monday has lost nothing.
LIFETIME = timedelta(days=3)
# A notice whose manifest does not come within this belongs to an attempt that ended.
ORPHANED_AFTER = timedelta(minutes=15)

_JSON = "application/json"
_TYPES: dict[str, Literal["detection.succeeded", "detection.failed"]] = {
    "succeeded": "detection.succeeded",
    "failed": "detection.failed",
}
_log = logging.getLogger(__name__)


class Notice(BaseModel):
    """One message and how often it was tried."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str
    message: Notification
    due_at: datetime
    tries: int = 0


@dataclass(frozen=True, slots=True)
class Held:
    """A notice as it lies in the bucket."""

    notice: Notice
    etag: str


def now() -> datetime:
    """The time, as all of this counts it."""
    return datetime.now(UTC)


def describe(manifest: AnyManifest, bucket: str) -> Counted:
    """What is told of a result."""
    counts: dict[str, int] = {}
    found = manifest.detections if isinstance(manifest, Manifest) else ()
    for each in found:
        counts[each.class_name] = counts.get(each.class_name, 0) + 1
    return Counted(
        id=manifest.id or "",
        bucket=bucket,
        key=manifest.source.key or "",
        etag=manifest.source.etag,
        state=manifest.status,
        counts=counts,
        manifest=manifest_key(manifest.id or ""),
        failure=None if isinstance(manifest, Manifest) else manifest.failure,
    )


class Outbox:
    """The notices of one bucket. Every method raises StorageError when the bucket fails."""

    def __init__(self, store: ObjectStore, pauses: Sequence[timedelta] = PAUSES) -> None:
        self._store = store
        self._pauses = pauses
        self._results = ResultStore(store)
        self._due: dict[str, tuple[str, datetime]] = {}

    def put(self, manifest: AnyManifest, *, delay: timedelta = LEASE) -> Held:
        """Write the notice of a manifest that is about to be written; others wait for `delay`."""
        data = describe(manifest, self._store.bucket)
        message = Notification(type=_TYPES[data.state], timestamp=now(), data=data)
        notice = Notice(id=uuid4().hex, message=message, due_at=now() + delay)
        return Held(notice, self._write(notice, None))

    def lease(self, held: Held) -> Held | None:
        """Count a try and keep others from making it too; None where another one was first."""
        notice = held.notice
        pause = self._pauses[min(notice.tries, len(self._pauses) - 1)]
        leased = notice.model_copy(update={"tries": notice.tries + 1, "due_at": now() + pause})
        try:
            etag = self._write(leased, held.etag)
        except (PreconditionFailed, ObjectNotFound):
            return None
        self._due[_key(notice.id)] = (etag, leased.due_at)
        return Held(leased, etag)

    def remove(self, held: Held) -> None:
        """Forget a notice that was delivered, or never will be."""
        self._due.pop(_key(held.notice.id), None)
        self._store.delete([_key(held.notice.id)])

    def postpone(self, held: Held) -> None:
        """Leave a notice alone for a while; other processes do as they like."""
        self._due[_key(held.notice.id)] = (held.etag, now() + LEASE)

    def due(self) -> Iterator[Held]:
        """Every notice that is due now, in no order."""
        seen = set()
        for info in self._store.list_objects(NOTICES):
            seen.add(info.key)
            known = self._due.get(info.key)
            if known and known[0] == info.etag and known[1] > now():
                continue
            if held := self._read(info.key):
                self._due[info.key] = (held.etag, held.notice.due_at)
                if held.notice.due_at <= now():
                    yield held
        for gone in set(self._due) - seen:
            self._due.pop(gone, None)

    @property
    def next_due(self) -> datetime | None:
        """When the next one is due, of those that this process knows."""
        # A copy: notices are forgotten on other threads.
        return min((due for _, due in list(self._due.values())), default=None)

    def is_true(self, notice: Notice) -> bool:
        """Whether the result is there and is the one that the notice tells of."""
        manifest = self._results.read(notice.message.data.id)
        return (
            manifest is not None and describe(manifest, self._store.bucket) == notice.message.data
        )

    def _write(self, notice: Notice, etag: str | None) -> str:
        body = notice.model_dump_json().encode()
        return self._store.put(_key(notice.id), body, content_type=_JSON, if_match=etag).etag

    def _read(self, key: str) -> Held | None:
        try:
            found = self._store.get(key)
            return Held(Notice.model_validate_json(found.body), found.info.etag)
        except ObjectNotFound:
            return None
        except ValidationError:
            _log.warning("%s is no notice that this version can read; it stays.", key)
            return None


def _key(identity: str) -> str:
    return f"{NOTICES}{identity}.json"
