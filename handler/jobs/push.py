"""Events that are pushed by HTTP, one at a time: worked off, or to be delivered again.

Whoever pushes takes 2xx for done and anything else for "again, later". So what a photograph
itself is to blame for is done, with a `failed` manifest; a bucket that does not answer is never
done; and anything else is tried MAX_ATTEMPTS times, as the queue does on AWS.
"""

from __future__ import annotations

import logging

from handler.bucket.objects import ObjectStore
from handler.detection.stored import StoredDetector
from handler.errors import BadImage, ObjectNotFound, ObjectTooLarge, StorageUnavailable
from handler.jobs.google_events import Delivery
from handler.jobs.s3_events import ObjectCreated, is_for_us
from handler.jobs.worker import Worker

MAX_ATTEMPTS = 3

_log = logging.getLogger(__name__)


class Push:
    """Works off one delivery after the other."""

    def __init__(self, stored: StoredDetector, store: ObjectStore) -> None:
        self._worker = Worker(stored, store.bucket)
        self._store = store

    def handle(self, delivery: Delivery) -> None:
        """Work off a delivery; raises what makes it worth another."""
        created = delivery.created
        if created is None or not is_for_us(created, self._store.bucket):
            _log.info("ignored %s", created and created.key)
            return
        try:
            self._detect(created)
        except StorageUnavailable:
            raise
        except (BadImage, ObjectTooLarge) as error:
            _log.warning("%s: %s", created.key, error)
        except Exception as error:
            if delivery.attempt < MAX_ATTEMPTS:
                raise
            _log.exception("%s: given up: %s", created.key, error)

    def _detect(self, created: ObjectCreated) -> None:
        try:
            info = self._store.head(created.key)
        except ObjectNotFound as error:
            _log.info("ignored: %s", error)
            return
        # What is there now may be newer than the event. Its own event comes too, and counts more.
        self._worker.do_created(
            created.model_copy(
                update={"size": info.size, "etag": info.etag, "version_id": info.version_id}
            )
        )
