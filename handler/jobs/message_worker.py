"""One message's work, whoever delivered it: the objects and jobs that it names."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial

from handler.bucket.objects import ObjectInfo
from handler.detection.stored import StoredDetector
from handler.errors import BadEvent, MaskdropError
from handler.jobs.attempt import Attempt
from handler.jobs.envelopes import Message, NotUnderstood, Work
from handler.jobs.policy import is_missing, with_retries
from handler.jobs.queue import MAX_RECEIVES, Job
from handler.jobs.s3_events import ObjectCreated, is_for_us
from handler.schemas import Options
from model.runtime.errors import ModelError

SecondsLeft = Callable[[], float]

_log = logging.getLogger(__name__)


class MessageWorker:
    """Works off one message after the other, whoever delivered them."""

    def __init__(
        self,
        stored: StoredDetector,
        bucket: str,
        *,
        seconds_needed: float = 0,
        max_tries: int = MAX_RECEIVES,
    ) -> None:
        """Detect through `stored` in the objects of its bucket.

        seconds_needed: of one detection; max_tries: how often a message is delivered at most.
        """
        self._stored = stored
        self._bucket = bucket
        self._max_tries = max_tries
        self.seconds_needed = seconds_needed

    def work_off(self, message: Message, seconds_left: SecondsLeft) -> list[Exception]:
        """Do all of a message's work; answers what went wrong, after logging it."""
        errors = []
        for each in message.work:
            try:
                self._do(each, message.tries >= self._max_tries, seconds_left)
            except Exception as error:
                _log_failure(message, each, error)
                errors.append(error)
        return errors

    def _do(self, work: Work, last: bool, seconds_left: SecondsLeft) -> None:
        run = partial(
            Attempt,
            self._stored,
            last=last,
            seconds_needed=self.seconds_needed,
            seconds_left=seconds_left,
        )
        if isinstance(work, NotUnderstood):
            raise BadEvent(work.cause)
        if isinstance(work, Job):
            self._do_job(work, run, seconds_left)
        elif is_for_us(work, self._bucket):
            self._do_created(work, run, seconds_left)
        else:
            _log.info("ignored s3://%s/%s", work.bucket, work.key)

    def _do_created(
        self, created: ObjectCreated, attempt: Callable[..., Attempt], seconds_left: SecondsLeft
    ) -> None:
        """Detect in an object and publish what came of it."""
        try:
            info = with_retries(lambda: self._info(created), seconds_left, self.seconds_needed)
        except Exception as error:
            if not is_missing(error):
                raise
            _log.info("ignored: %s", error)
            return
        publish = partial(self._stored.results.publish_latest, sequencer=created.sequencer)
        attempt(task=self._stored.task(info, Options()), publish=publish).run()

    def _info(self, created: ObjectCreated) -> ObjectInfo:
        """The object as the event tells of it, or as it is now where the event does not.

        What is there now may be newer than the event. Its own event comes too, and counts more.
        """
        if not created.etag:
            return self._stored.describe(created.key)
        return ObjectInfo(created.key, created.size, created.etag, created.version_id)

    def _do_job(self, job: Job, attempt: Callable[..., Attempt], seconds_left: SecondsLeft) -> None:
        task, results = self._stored.task(job.info, job.options), self._stored.results
        promised = with_retries(lambda: results.resume(task.id), seconds_left, self.seconds_needed)
        if promised is None:
            _log.info("ignored: detection %s was deleted", task.id)
            # What a worker wrote that ended before it noticed.
            results.delete(task.id, task.info.key)
            return
        attempt(task=task, promised=promised).run()


def _log_failure(message: Message, work: Work, error: Exception) -> None:
    """Name message, object and cause in a line; with a traceback for what nobody foresaw."""
    where = f"message {message.id}" if message.id else "event"
    key = "" if isinstance(work, NotUnderstood) else f" {work.key!r}"
    foreseen = isinstance(error, MaskdropError | ModelError)
    _log.log(
        logging.WARNING if foreseen else logging.ERROR,
        "%s%s: %s",
        where,
        key,
        error,
        exc_info=None if foreseen else error,
    )
