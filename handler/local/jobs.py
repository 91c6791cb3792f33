"""Jobs that the embedded queue forgot: its messages are in memory, their statuses in the bucket."""

from __future__ import annotations

from handler.bucket.keys import RESULTS
from handler.bucket.objects import ObjectStore
from handler.bucket.result_store import ResultStore
from handler.jobs.queue import Job
from handler.local.queue import LocalQueue
from handler.schemas import Manifest

_ENDED = ("succeeded", "failed", "cancelled")
_STATUS = "/status.json"


def send_missed_jobs(store: ObjectStore, queue: LocalQueue) -> int:
    """Send every job again that was accepted and has not ended; answers how many.

    One that ended without its status saying so is found finished by the worker.
    """
    results = ResultStore(store)
    missed = 0
    for found in store.list_objects(RESULTS):
        if not found.key.endswith(_STATUS):
            continue
        identity = found.key.removeprefix(RESULTS).removesuffix(_STATUS)
        status = results.read_status(identity)
        if status is None or status.pending is None or status.state in _ENDED:
            continue
        if not isinstance(results.read(identity), Manifest):
            job = Job(key=status.key, **status.pending.model_dump())
            queue.send(job.model_dump(mode="json"))
            missed += 1
    return missed
