"""How far one detection is: results/{id}/status.json, and what it means that it is gone.

Whoever begins a detection writes the status, and a worker overwrites it stage by stage. DELETE
makes it say `cancelled` before anything else, and takes it away in the end. So a worker that finds
either knows that its detection was deleted, and removes what it wrote.

Telling how far it is never fails the work: a status that cannot be written stays as it was.
"""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from typing import Literal
from uuid import uuid4

from pydantic import ValidationError

from handler.bucket.keys import status_key
from handler.bucket.objects import ObjectStore
from handler.errors import DetectionCancelled, ObjectNotFound, PreconditionFailed, StorageError
from handler.schemas import Pending, State, Status

_log = logging.getLogger(__name__)


class Progress:
    """One attempt at a detection, as its status tells it."""

    def __init__(
        self,
        store: ObjectStore,
        status: Status,
        etag: str | None,
        *,
        seen: bool = True,
        previous: Status | None = None,
    ) -> None:
        """Go on from `status`.

        etag: the status object's as it is ours; None where somebody else writes it, or nobody.
        seen: whether there was a status: only then does its absence mean a deletion.
        previous: what `withdraw` puts back.
        """
        self._store = store
        self._status = status
        self._etag = etag
        self._seen = seen
        self._previous = previous

    @property
    def attempt(self) -> str | None:
        """The name of this attempt."""
        return self._status.attempt

    def say(self, state: State) -> None:
        """Tell a stage, if the bucket takes it; raises DetectionCancelled."""
        if self._etag is None:
            return
        try:
            self._write(state, self._etag)
        except PreconditionFailed:
            self._look_quietly()
        except StorageError as error:
            _log.info("%s is %s, which could not be told: %s", self._status.id, state, error)

    def end(self, state: State) -> None:
        """Tell how it ended, after everything else was written.

        Raises DetectionCancelled for one that was deleted meanwhile, and a StorageError where
        the bucket does not say whether it was.
        """
        if self._etag is not None:
            try:
                self._write(state, self._etag)
            except StorageError as error:
                _log.info("%s %s, which could not be told: %s", self._status.id, state, error)
            else:
                return
        if self._seen:
            self._look()

    def withdraw(self) -> bool:
        """Take back the status of an attempt that will not be made; an earlier one's returns.

        False where there is none any more: somebody deleted the detection.
        """
        identity = self._status.id
        found = read_status(self._store, identity)
        if found is None or found[0].state == "cancelled":
            return not self._seen
        if found[0].attempt != self.attempt:
            return True
        if self._previous is None:
            self._store.delete([status_key(identity)])
        else:
            put_status(self._store, self._previous, if_match=found[1])
        return True

    def _write(self, state: State, etag: str) -> None:
        status = self._status.model_copy(update={"state": state, "updated_at": datetime.now(UTC)})
        self._etag = put_status(self._store, status, if_match=etag)

    def _look_quietly(self) -> None:
        try:
            self._look()
        except StorageError as error:
            _log.info("The status of %s cannot be read: %s", self._status.id, error)

    def _look(self) -> None:
        """Raise DetectionCancelled where the status is gone or says so.

        One of another attempt is left to that one. Ours with another etag is a write whose
        answer was lost.
        """
        identity = self._status.id
        cancelled = DetectionCancelled(f"Detection {identity} was deleted while it ran.")
        try:
            self._store.head(status_key(identity))
        except ObjectNotFound as error:
            raise cancelled from error
        found = read_status(self._store, identity)
        if found and found[0].state == "cancelled":
            raise cancelled
        self._etag = found[1] if found and found[0].attempt == self.attempt else None


def new_status(
    result_id: str, state: State, source_key: str, pending: Pending | None = None
) -> Status:
    """The first status of a new attempt."""
    return Status(
        id=result_id,
        state=state,
        key=source_key,
        updated_at=datetime.now(UTC),
        attempt=uuid4().hex,
        pending=pending,
    )


def read_status(store: ObjectStore, result_id: str) -> tuple[Status, str] | None:
    """A detection's status and its etag; None where there is none that can be understood."""
    try:
        found = store.get(status_key(result_id))
        return Status.model_validate_json(found.body), found.info.etag
    except (ObjectNotFound, ValidationError):
        return None


def put_status(
    store: ObjectStore,
    status: Status,
    *,
    if_match: str | None = None,
    if_none_match: Literal["*"] | None = None,
) -> str:
    """Write a status under the conditions of `ObjectStore.put`; answers its etag."""
    put = store.put(
        status_key(status.id),
        status.model_dump_json().encode(),
        content_type="application/json",
        if_match=if_match,
        if_none_match=if_none_match,
    )
    return put.etag
