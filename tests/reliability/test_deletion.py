"""Whatever is in flight when a result is deleted, nothing of it is left.

A worker and a deletion run on two threads over one bucket. The worker stops before its k-th
request, the deletion before its j-th; the worker goes to its end, then the deletion. Every k and j
is tried.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import pytest
from events import load_event
from memory_store import MemoryObjectStore
from service import make_services, squares

from handler.bucket.objects import ObjectInfo, StoredObject
from handler.bucket.result_store import ResultStore
from handler.detection.admission import Caller
from handler.detection.stored import StoredDetector, Task
from handler.errors import ResultNotFound, StorageError
from handler.jobs.queue import Job
from handler.jobs.worker import Worker
from handler.schemas import Options

BUCKET = "maskdrop-example"
# More than a worker or a deletion makes of so small a photograph; the sweep ends before.
MOST_REQUESTS = 60

SERVICES = make_services()


class SteppedStore(MemoryObjectStore):
    """A bucket that stops a thread before one of its requests until it may go on."""

    def __init__(self) -> None:
        super().__init__(BUCKET)
        self.stops: dict[str, int] = {}
        self.made: dict[str, int] = {}
        self.stopped = {name: threading.Event() for name in ("worker", "deletion")}
        self.go_on = {name: threading.Event() for name in ("worker", "deletion")}

    def get(self, key: str, **conditions: Any) -> StoredObject:
        self._step()
        return super().get(key, **conditions)

    def put(self, key: str, body: bytes, **conditions: Any) -> ObjectInfo:
        self._step()
        return super().put(key, body, **conditions)

    def list_objects(self, prefix: str) -> Iterator[ObjectInfo]:
        self._step()
        return iter(list(super().list_objects(prefix)))

    def delete(self, keys: Iterable[str]) -> None:
        doomed = list(keys)
        self._step()
        super().delete(doomed)

    def _step(self) -> None:
        name = threading.current_thread().name
        if name not in self.stopped:
            return
        self.made[name] = self.made.get(name, 0) + 1
        if self.made[name] == self.stops[name]:
            self.stopped[name].set()
            assert self.go_on[name].wait(20)


def task_of(stored: StoredDetector, store: MemoryObjectStore, key: str) -> Task:
    return stored.task(store.head(key), Options())


def as_message(body: str) -> dict[str, Any]:
    [record] = load_event("sqs_s3_put")["Records"]
    return {"Records": [record | {"body": body}]}


def of_job(store: SteppedStore) -> tuple[str, Callable[[], object]]:
    """A job of an upload, as it waits in the queue."""
    stored = make_stored(store)
    task = task_of(stored, store, "uploads/1/a.png")
    stored.results.promise(task.id, source_key=task.info.key, pending=task.pending)
    event = as_message(Job.of(task).model_dump_json())
    return task.id, lambda: Worker(stored, BUCKET).handle(event, lambda: 60.0)


def of_event(store: SteppedStore) -> tuple[str, Callable[[], object]]:
    """An event of the inbox."""
    stored = make_stored(store)
    task = task_of(stored, store, "inbox/cat.jpg")
    event = load_event("s3_put")
    event["Records"][0]["s3"]["object"] |= {"key": task.info.key, "eTag": task.info.etag}
    return task.id, lambda: Worker(stored, BUCKET).handle(event, lambda: 60.0)


def of_event_that_comes_twice(store: SteppedStore) -> tuple[str, Callable[[], object]]:
    """An event of an object that has its result already."""
    identity, work = of_event(store)
    work()
    return identity, work


def of_request(store: SteppedStore) -> tuple[str, Callable[[], object]]:
    """A request that waits for its answer."""
    stored = make_stored(store)
    task = task_of(stored, store, "uploads/1/a.png")

    def work() -> None:
        # Deleted under its hands: that is what it is told.
        with contextlib.suppress(ResultNotFound, StorageError):
            stored.detect_now(task, Caller())

    return task.id, work


def make_stored(store: SteppedStore) -> StoredDetector:
    return StoredDetector(SERVICES.detector, store, SERVICES.telemetry)


def interleave(
    prepare: Callable[[SteppedStore], tuple[str, Callable[[], object]]], k: int, j: int
) -> tuple[SteppedStore, bool, bool, bool]:
    """Run both; answers the bucket, whether there was anything, and who reached its stop."""
    store = SteppedStore()
    for key in ("uploads/1/a.png", "inbox/cat.jpg"):
        store.put(key, squares("red"), content_type="image/png")
    identity, work = prepare(store)
    store.stops = {"worker": k, "deletion": j}
    found: list[bool] = []
    errors: list[BaseException] = []

    def run(part: Callable[[], object]) -> None:
        try:
            part()
        except BaseException as error:
            errors.append(error)

    parts = {
        "worker": work,
        "deletion": lambda: found.append(ResultStore(store).delete(identity)),
    }
    threads = {
        name: threading.Thread(target=run, args=(part,), name=name) for name, part in parts.items()
    }
    for name in ("worker", "deletion"):
        threads[name].start()
        while threads[name].is_alive() and not store.stopped[name].wait(0.002):
            pass
    reached = {name: store.stopped[name].is_set() for name in threads}
    for name in ("worker", "deletion"):
        store.go_on[name].set()
        threads[name].join()
    assert errors == []
    return store, found[0], reached["worker"], reached["deletion"]


@pytest.mark.parametrize("prepare", [of_job, of_event, of_event_that_comes_twice, of_request])
def test_nothing_is_left_of_what_was_deleted(
    prepare: Callable[[SteppedStore], tuple[str, Callable[[], object]]],
) -> None:
    tried = 0
    for k in range(1, MOST_REQUESTS):
        for j in range(1, MOST_REQUESTS):
            store, was_there, worker_stopped, deletion_stopped = interleave(prepare, k, j)
            tried += 1
            left = [each.key for each in store.list_objects("")]
            ours = [key for key in left if key.startswith(("results/", "latest/"))]
            # An event of the inbox that comes after a deletion has ended is a new one.
            comes_later = k == 1 and not deletion_stopped and "event" in prepare.__name__
            if was_there and not comes_later:
                assert ours == [], f"worker before request {k}, deletion before request {j}"
            assert "inbox/cat.jpg" in left
            if not deletion_stopped:
                break
        if not worker_stopped:
            break
    else:
        pytest.fail(f"A worker makes more than {MOST_REQUESTS} requests.")
    assert tried > 50
