"""Photographs that are in the bucket already: a batch of their keys in, what became of them out.

A Distributed Map of Step Functions lists a prefix, hands its objects over in batches and tries
a batch again that the platform failed; here is what one batch does. Everything is idempotent:
a result that is there counts as `existing`, so a batch, or a whole run, can be repeated.

What a photograph itself is to blame for is an outcome, and leaves a `failed` manifest. Anything
else is raised after the rest of the batch is done, so that the batch is tried again. One that was
begun before and has no result may be what ended the process; it comes last.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable

from pydantic import BaseModel, ConfigDict

from handler.bucket.keys import OURS
from handler.bucket.objects import ObjectStore
from handler.bucket.result_store import AnyManifest
from handler.detection.stored import StoredDetector, Task
from handler.errors import DetectionInterrupted, MaskdropError
from handler.jobs.attempt import Attempt
from handler.jobs.policy import FINAL, MISSING, with_retries
from handler.schemas import FailedManifest, Manifest, Options
from model.runtime.errors import ModelError

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

        Raises, after all of them, the first error that is worth another attempt.
        """
        tally, errors = Tally(), []
        suspects: list[Task] = []
        for key in keys:
            try:
                self._begin(key, tally, suspects)
            except Exception as error:
                errors.append(_logged(key, error))
        for task in suspects:
            try:
                self._detect(task, tally)
            except Exception as error:
                errors.append(_logged(task.info.key, error))
        if errors:
            raise errors[0]
        return tally

    def settle(self, failed: FailedObject, tally: Tally) -> None:
        """Count an object of a batch that the platform failed as what it is.

        It may be done, since the others of its batch failed or were slow. What has no result
        gets a `failed` manifest: nobody tries it again. Raises a StorageError.
        """
        try:
            task = self._task(failed.key)
        except MISSING:
            tally.skipped += 1
            return
        manifest = self._stored.results.read(task.id)
        if manifest is None:
            error = DetectionInterrupted(f"Its batch was given up: {failed.type}. {failed.detail}")
            manifest = self._stored.record_failure(task, error)
        self._publish(manifest)
        self._count(manifest, tally, existing=True)

    def _begin(self, key: str, tally: Tally, suspects: list[Task]) -> None:
        """Detect in an object, unless it is none of ours, gone, or suspected."""
        if key.startswith(OURS) or key.endswith("/"):
            tally.skipped += 1
            return
        try:
            task = with_retries(lambda: self._task(key))
        except MISSING as error:
            _log.info("skipped: %s", error)
            tally.skipped += 1
            return
        found = with_retries(lambda: self._stored.results.read(task.id))
        if found is None and with_retries(lambda: self._stored.results.read_status(task.id)):
            suspects.append(task)
        else:
            self._detect(task, tally, existing=isinstance(found, Manifest))

    def _task(self, key: str) -> Task:
        # A listing names no version, and the result's id follows from it where there is one.
        return self._stored.task(self._store.head(key), Options())

    def _detect(self, task: Task, tally: Tally, *, existing: bool = False) -> None:
        try:
            manifest = Attempt(self._stored, task, publish=self._publish).run()
        except FINAL:
            manifest = with_retries(lambda: self._stored.results.read(task.id))
        self._count(manifest, tally, existing)

    def _count(self, manifest: AnyManifest | None, tally: Tally, existing: bool) -> None:
        if manifest is None:
            tally.skipped += 1
        elif isinstance(manifest, FailedManifest):
            why = manifest.failure.model_dump()
            tally.failed.append(FailedObject(key=manifest.source.key, **why))
        elif existing:
            tally.existing += 1
        else:
            tally.done += 1

    def _publish(self, manifest: AnyManifest) -> None:
        self._stored.results.publish_latest(manifest, _NO_SEQUENCER)


def _logged(key: str, error: Exception) -> Exception:
    foreseen = isinstance(error, MaskdropError | ModelError)
    level = logging.WARNING if foreseen else logging.ERROR
    _log.log(level, "%r: %s", key, error, exc_info=None if foreseen else error)
    return error
