"""Photographs that are in the bucket already: a batch of their keys in, what became of them out.

A Distributed Map of Step Functions lists a prefix, hands its objects over in batches and tries
a batch again that the platform failed; here is what one batch does. Everything is idempotent:
a result that is there counts as `existing`, so a batch, or a whole run, can be repeated.

A photograph's own trouble is an outcome, and leaves a `failed` manifest. A bucket that does not
answer raises StorageUnavailable: the batch is worth another attempt.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable

from pydantic import BaseModel, ConfigDict

from handler.bucket.keys import OURS
from handler.bucket.objects import ObjectStore
from handler.bucket.result_store import AnyManifest
from handler.detection.stored import StoredDetector, Task
from handler.errors import MaskdropError, ObjectChanged, ObjectNotFound, StorageUnavailable
from handler.schemas import FailedManifest, Options

# Older than any event's: what an event published under latest/ stays.
_NO_SEQUENCER = ""

_log = logging.getLogger(__name__)


class FailedObject(BaseModel):
    """An object that could not be detected, and why."""

    model_config = ConfigDict(frozen=True)

    key: str
    type: str
    detail: str


class Tally(BaseModel):
    """What became of objects: detected now, detected before, left alone, failed.

    Left alone is what Maskdrop wrote itself, what a console makes for a folder, and what was
    deleted or replaced meanwhile.
    """

    done: int = 0
    existing: int = 0
    skipped: int = 0
    failed: list[FailedObject] = []

    @property
    def total(self) -> int:
        """Every object."""
        return self.done + self.existing + self.skipped + len(self.failed)


class Backfill:
    """Works off one batch after the other."""

    def __init__(self, stored: StoredDetector, store: ObjectStore) -> None:
        self._stored = stored
        self._store = store

    def detect(self, keys: Iterable[str]) -> Tally:
        """Detect in every object that has no result yet.

        Raises StorageUnavailable, and a StorageError where not even a failure can be written.
        """
        tally = Tally()
        for key in keys:
            self._do(key, tally)
        return tally

    def _do(self, key: str, tally: Tally) -> None:
        if key.startswith(OURS) or key.endswith("/"):
            tally.skipped += 1
            return
        try:
            # A listing names no version, and the result's id follows from it where there is one.
            task = self._stored.task(self._store.head(key), Options())
            self._detect(task, tally)
        except (ObjectNotFound, ObjectChanged) as error:
            _log.info("skipped: %s", error)
            tally.skipped += 1

    def _detect(self, task: Task, tally: Tally) -> None:
        try:
            if manifest := self._stored.finished(task):
                self._publish(manifest)
                tally.existing += 1
            else:
                self._publish(self._stored.detect_stored(task))
                tally.done += 1
        except (ObjectNotFound, ObjectChanged, StorageUnavailable):
            raise
        except Exception as error:
            if not isinstance(error, MaskdropError):
                _log.exception("%s", task.info.key)
            self._fail(task, error, tally)

    def _fail(self, task: Task, error: Exception, tally: Tally) -> None:
        manifest = self._stored.record_failure(task, error)
        self._publish(manifest)
        # Another writer may have succeeded meanwhile.
        if isinstance(manifest, FailedManifest):
            tally.failed.append(FailedObject(key=task.info.key, **manifest.failure.model_dump()))
        else:
            tally.existing += 1

    def _publish(self, manifest: AnyManifest) -> None:
        self._stored.results.publish_latest(manifest, _NO_SEQUENCER)
