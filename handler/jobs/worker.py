"""Batches of work: S3 events and jobs, out of SQS or sent directly.

Every item is idempotent, so a message that comes twice, or again after a crash, does no harm.
A photograph that cannot be detected gets a `failed` manifest at once; its message still counts
as failed, so that it ends in the dead-letter queue. An object that is gone or was replaced is
nobody's failure: the event of its replacement is on its way.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from pydantic import ValidationError

from handler.bucket.objects import ObjectInfo
from handler.bucket.result_store import AnyManifest
from handler.detection.stored import StoredDetector, Task
from handler.errors import BadEvent, MaskdropError, ObjectChanged, ObjectNotFound
from handler.jobs.queue import JOB_KIND, Job
from handler.jobs.s3_events import ObjectCreated, is_for_us, read_body, read_created
from handler.schemas import Options
from model.runtime.errors import ModelError

Event = Mapping[str, Any]

_log = logging.getLogger(__name__)


class Worker:
    """Works off one event after the other."""

    def __init__(self, stored: StoredDetector, bucket: str, seconds_needed: float = 0) -> None:
        """Detect through `stored`; a message needs `seconds_needed` or is left for next time."""
        self._stored = stored
        self._bucket = bucket
        self._seconds_needed = seconds_needed

    def handle(self, event: Event, seconds_left: Callable[[], float]) -> dict[str, Any]:
        """Work off an event; answers the ids of the messages that SQS has to deliver again.

        Raises the first error of an event that S3 sent directly, after all its records.
        """
        records = event.get("Records", ())
        if not any(record.get("eventSource") == "aws:sqs" for record in records):
            self._do_all(list(read_created(event)))
            return {"batchItemFailures": []}
        failed = []
        for index, record in enumerate(records):
            in_time = index == 0 or seconds_left() >= self._seconds_needed
            if not in_time or not self._succeeds(record):
                failed.append({"itemIdentifier": record["messageId"]})
        return {"batchItemFailures": failed}

    def do_created(self, created: ObjectCreated) -> None:
        """Detect in an object and publish what came of it; raises after recording a failure."""
        info = ObjectInfo(created.key, created.size, created.etag, created.version_id)
        task = self._stored.task(info, Options())
        publish = partial(self._stored.results.publish_latest, sequencer=created.sequencer)
        try:
            publish(self._detect(task, self._stored.results.report))
        except (ObjectNotFound, ObjectChanged) as error:
            _log.info("ignored: %s", error)
        except Exception as error:
            publish(self._stored.record_failure(task, error))
            raise

    def _succeeds(self, record: Event) -> bool:
        try:
            body = read_body(record)
            if body.get("kind") == JOB_KIND:
                self._do_job(_parse_job(body))
            else:
                self._do_all(list(read_created(body)))
        except (MaskdropError, ModelError) as error:
            _log.warning("message %s: %s", record.get("messageId"), error)
            return False
        except Exception:
            _log.exception("message %s", record.get("messageId"))
            return False
        return True

    def _do_all(self, created: Sequence[ObjectCreated]) -> None:
        errors = []
        for each in created:
            if not is_for_us(each, self._bucket):
                _log.info("ignored s3://%s/%s", each.bucket, each.key)
                continue
            try:
                self.do_created(each)
            except Exception as error:
                errors.append(error)
        if errors:
            raise errors[0]

    def _do_job(self, job: Job) -> None:
        task = self._stored.task(job.info, job.options)
        results = self._stored.results
        if results.read_status(task.id) is None:
            _log.info("ignored: detection %s was deleted", task.id)
            return
        try:
            self._detect(task, results.report_on)
        except Exception as error:
            self._stored.record_failure(task, error)
            if not isinstance(error, ObjectNotFound | ObjectChanged):
                raise
        finally:
            if results.read_status(task.id) is None:
                _log.info("detection %s was deleted while it ran", task.id)
                results.delete(task.id)

    def _detect(self, task: Task, say: Callable[..., None]) -> AnyManifest:
        report = partial(say, task.id, source_key=task.info.key)
        return self._stored.finished(task) or self._stored.detect_stored(task, report)


def _parse_job(body: Event) -> Job:
    try:
        return Job.model_validate(body)
    except ValidationError as error:
        wrong = ", ".join(".".join(map(str, each["loc"])) for each in error.errors())
        raise BadEvent(f"A job has a missing or wrong {wrong}.") from error
