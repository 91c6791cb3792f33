"""The embedded stack: a bucket, its events, a queue and a worker, without any cloud.

    inbox/ --> SeaweedFS --webhook--> bridge --> queue --> worker --> function

All of it listens on loopback alone and keeps its state in one folder.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from handler.bucket.keys import INBOX
from handler.bucket.s3 import S3ObjectStore
from handler.local.events import event_bridge, send_missed_events
from handler.local.jobs import send_missed_jobs
from handler.local.queue import LocalQueue, local_queue
from handler.local.seaweedfs import LocalS3, local_s3, make_bucket
from handler.local.worker import Function, local_worker

BUCKET = "maskdrop"

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class LocalStack:
    """The parts that the API and the batch function need."""

    s3: LocalS3
    store: S3ObjectStore
    queue: LocalQueue

    @contextmanager
    def working(self, function: Function) -> Iterator[int]:
        """Have `function` process what is in inbox/ and what comes there, and jobs.

        Yields how many objects and jobs were waiting from before.
        """
        with local_worker(self.queue, function):
            missed = send_missed_events(self.store, self.queue)
            yield missed + send_missed_jobs(self.store, self.queue)


@contextmanager
def local_stack(
    folder: Path,
    *,
    origins: Sequence[str],
    visibility_timeout: int = 30,
    say: Callable[[str], None] = _log.warning,
) -> Iterator[LocalStack]:
    """Run bucket, events and queue over `folder`; pages of `origins` may use presigned links.

    `visibility_timeout`: seconds until a failed message is tried again. `say` is told when the
    bucket's server ended by itself, and when it runs again. Raises LocalS3Failed.
    """
    with ExitStack() as stack:
        queue = stack.enter_context(local_queue(visibility_timeout=visibility_timeout))
        events_to = stack.enter_context(event_bridge(queue, BUCKET))
        s3 = stack.enter_context(
            local_s3(folder / "s3", events_to=events_to, events_under=f"{BUCKET}/{INBOX}", say=say)
        )
        client = s3.client()
        make_bucket(client, BUCKET, origins)
        yield LocalStack(s3, S3ObjectStore(BUCKET, client), queue)
