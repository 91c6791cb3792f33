"""Workers as processes: the batch function over a queue, killed at random and started again.

Run by soak.py. A parent has everything imported and forks the workers, so that one that was killed
is back in a tenth of a second; it ends with its standard input.
"""

from __future__ import annotations

import argparse
import logging
import os
import random
import select
import signal
import sys
import time

from handler.bucket.objects import ObjectStore, StoredObject
from handler.bucket.s3 import S3ObjectStore, s3_client
from handler.jobs.queue import SQSJobQueue, sqs_client
from handler.jobs.worker import Worker
from handler.local.queue import LocalQueue
from handler.local.seaweedfs import REGION
from handler.local.worker import LocalContext, deliver_batch
from handler.settings import Settings
from handler.wiring import Services, build_services

# What a worker that reads a photograph of this name dies of, as of one that takes all memory.
DEADLY = "deadly"
# Of one call, seconds: less than the queue's messages hide, as on AWS.
CALL_SECONDS = 10.0
MESSAGES_PER_CALL = 4


class DeadlyStore(S3ObjectStore):
    """A bucket some of whose photographs kill who reads them."""

    deadly = True

    def get(
        self, key: str, *, max_bytes: int | None = None, version_id: str | None = None
    ) -> StoredObject:
        if self.deadly and key.startswith("inbox/") and DEADLY in key:
            os.kill(os.getpid(), signal.SIGKILL)
        return super().get(key, max_bytes=max_bytes, version_id=version_id)


def work(words: argparse.Namespace) -> None:
    """Work off the queue for ever."""
    keys = {"access_key_id": words.access_key, "secret_access_key": words.secret_key}
    store = DeadlyStore(words.bucket, s3_client(REGION, endpoint_url=words.s3, **keys))
    store.deadly = not words.cured
    client = sqs_client(REGION, endpoint_url=words.sqs)
    services = _services(words.model, store)
    worker = Worker(services.stored, words.bucket, 1.0, SQSJobQueue(words.queue, client))
    queue = LocalQueue(client, words.queue, "")

    def function(event: dict[str, object], context: LocalContext) -> dict[str, object]:
        until = time.monotonic() + CALL_SECONDS
        return worker.handle(event, lambda: until - time.monotonic())

    while True:
        deliver_batch(queue, function, batch_size=MESSAGES_PER_CALL, wait_seconds=1)


def _services(model: str, store: ObjectStore) -> Services:
    built = build_services(Settings(model=model, threads=1))
    return Services(settings=built.settings, model=built.model, store=store)


def main() -> None:
    """Keep workers running until standard input ends, killing one at random now and then."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("--s3", "--sqs", "--queue", "--bucket", "--access-key", "--secret-key", "--model"):
        parser.add_argument(name, required=True)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--kill-every", type=float, default=3.0, help="Seconds; 0 kills nobody.")
    parser.add_argument("--cured", action="store_true", help="Nothing is deadly any more.")
    words = parser.parse_args()
    logging.basicConfig(level=logging.ERROR)
    chance = random.Random(words.seed)  # noqa: S311
    killed = died = 0
    children = [_fork(words) for _ in range(words.workers)]
    next_kill = time.monotonic() + words.kill_every
    while not select.select([sys.stdin], [], [], 0.05)[0]:
        if words.kill_every and time.monotonic() > next_kill:
            os.kill(chance.choice(children), signal.SIGKILL)
            killed += 1
            next_kill = time.monotonic() + words.kill_every * chance.uniform(0.5, 1.5)
        pid, _ = os.waitpid(-1, os.WNOHANG)
        if pid:
            died += 1
            children[children.index(pid)] = _fork(words)
    for each in children:
        os.kill(each, signal.SIGKILL)
        os.waitpid(each, 0)
    print(f"{killed} {died}", flush=True)


def _fork(words: argparse.Namespace) -> int:
    pid = os.fork()
    if not pid:
        try:
            work(words)
        finally:
            os._exit(1)
    return pid


if __name__ == "__main__":
    main()
