"""One detection that was delivered, worked off as policy.py says.

Queue, push, direct events and backfill differ in who delivers and who hears of a failure; what is
tried again, what is written, and when, is here.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

from handler.bucket.progress import Progress
from handler.bucket.result_store import AnyManifest
from handler.detection.stored import StoredDetector, Task
from handler.errors import DetectionCancelled, DetectionInterrupted, StorageError
from handler.jobs.policy import T, endless, is_final, is_missing, with_retries
from handler.schemas import FailedManifest

Publish = Callable[[AnyManifest], object]

_log = logging.getLogger(__name__)


def _nowhere(manifest: AnyManifest) -> None:
    """Publish in no other place than the result's own."""


class Attempt:
    """One delivery's attempt at a detection."""

    def __init__(
        self,
        stored: StoredDetector,
        task: Task,
        *,
        publish: Publish = _nowhere,
        promised: Progress | None = None,
        last: bool = False,
        seconds_needed: float = 0,
        seconds_left: Callable[[], float] = endless,
    ) -> None:
        """Detect `task` through `stored`.

        publish: what else is done with the manifest, a failed one too.
        promised: the status of somebody who waits for it by its id.
        last: whether nobody will deliver it again.
        seconds_needed, seconds_left: a try is not begun anew with less time left.
        """
        self._stored = stored
        self._task = task
        self._publish = publish
        self._promised = promised
        self._progress = promised
        self._last = last
        self._seconds_needed = seconds_needed
        self._seconds_left = seconds_left

    def run(self) -> AnyManifest | None:
        """Detect; answers the manifest that counts, None for what was deleted or is gone.

        Raises what makes the delivery a failed one, after it is recorded where it has to be.
        """
        try:
            if self._last:
                self._expect_the_worst()
            return self._with_retries(self._detect)
        except DetectionCancelled as error:
            self._clean_up(error)
            return None
        except Exception as error:
            return self._failed(error)

    def _detect(self) -> AnyManifest:
        finished = self._stored.finished(self._task)
        if finished and self._progress is None:
            self._publish(finished)
            self._stored.results.forget_deleted(self._task.id, self._task.info.key)
            return finished
        progress = self._begin()
        manifest = finished or self._stored.detect_stored(self._task, progress.say)
        self._publish(manifest)
        progress.end("succeeded")
        return manifest

    def _begin(self) -> Progress:
        if self._progress is None:
            key = self._task.info.key
            self._progress = self._stored.results.begin(self._task.id, source_key=key)
        elif self._progress is self._promised:
            self._progress.say("starting")
        return self._progress

    def _failed(self, error: Exception) -> AnyManifest | None:
        """Record a failure that counts; raises it unless it is nobody's."""
        try:
            if is_missing(error):
                return self._miss(error)
            if is_final(error) or self._last:
                self._with_retries(lambda: self._record(error))
            elif self._progress:
                self._progress.say("queued")
        except DetectionCancelled as cancelled:
            self._clean_up(cancelled)
            return None
        raise error

    def _record(self, error: Exception) -> AnyManifest:
        attempt = self._progress.attempt if self._progress else None
        manifest = self._stored.record_failure(self._task, error, attempt)
        self._publish(manifest)
        if self._progress:
            self._progress.end(manifest.status)
        return manifest

    def _miss(self, error: Exception) -> AnyManifest | None:
        """An object that is gone or was replaced: who asked for it by id hears of it."""
        if self._promised:
            return self._with_retries(lambda: self._record(error))
        _log.info("ignored: %s", error)
        identity, results = self._task.id, self._stored.results
        failed_before = isinstance(results.read(identity), FailedManifest)
        if failed_before or (self._progress and not self._progress.withdraw()):
            results.delete(identity, self._task.info.key)
        return None

    def _expect_the_worst(self) -> None:
        """Write the failure that stays if this process ends now; nobody would write it then."""
        error = DetectionInterrupted(
            "The process that detected in it ended each time before it could say why: "
            "it ran out of memory, or of time."
        )
        try:
            if self._stored.finished(self._task) is None:
                # Of no attempt: one that is under way may still end otherwise.
                self._publish(self._stored.record_failure(self._task, error, provisional=True))
        except StorageError as refusal:
            _log.warning("%r: %s", self._task.info.key, refusal)

    def _clean_up(self, error: DetectionCancelled) -> None:
        _log.info("cancelled: %s", error)
        self._with_retries(lambda: self._stored.results.delete(self._task.id, self._task.info.key))

    def _with_retries(self, work: Callable[[], T]) -> T:
        return with_retries(work, self._seconds_left, self._seconds_needed)
