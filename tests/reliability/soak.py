"""Objects through the event path while everything that may fail does; a ledger in the end.

    inbox/ objects -> queue -> worker processes -> misbehaving proxy -> SeaweedFS

Some photographs are none, some kill the worker that reads them, workers are killed at random, and
the bucket fails in every way of tests/support/faulty_s3.py. Then the deadly ones are cured, and
`maskdrop redrive`'s dead letters are worked off too. `make soak` runs it.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "support"))

from service import COLOUR_MODEL, squares

from handler.bucket.keys import RESULTS
from handler.bucket.objects import ObjectInfo
from handler.bucket.result_store import ResultStore
from handler.bucket.s3 import S3ObjectStore
from handler.jobs.queue import DeadLetters
from handler.local.events import created_event
from handler.local.queue import LocalQueue, local_queue
from handler.local.seaweedfs import LocalS3, local_s3
from handler.schemas import FailedManifest, Manifest

BUCKET = "soak"
HERE = Path(__file__).parent
# Of every hundred requests seven end badly, and four come late.
RATES = {
    "slow": 0.04,
    "refuse": 0.02,
    "deny": 0.002,
    "reset": 0.015,
    "lost": 0.015,
    "short": 0.01,
    "damage": 0.005,
    "race": 0.005,
}
# What is no photograph, and what kills: each this share of the objects.
POISON = 0.005


@dataclass
class Plan:
    """What is put into the bucket."""

    good: list[str]
    broken: list[str]
    deadly: list[str]

    @classmethod
    def of(cls, objects: int, poison: float) -> Plan:
        """So many objects, each kind of poison a share of them, at least one."""
        bad = max(1, round(objects * poison))
        return cls(
            good=[f"inbox/{number:05}.png" for number in range(objects - 2 * bad)],
            broken=[f"inbox/broken-{number:05}.png" for number in range(bad)],
            deadly=[f"inbox/deadly-{number:05}.png" for number in range(bad)],
        )

    @property
    def keys(self) -> list[str]:
        """Every key, the poison spread evenly."""
        everything = sorted(self.good) + self.broken + self.deadly
        return sorted(everything, key=lambda key: hash_of(key))


def hash_of(key: str) -> int:
    """A number that spreads keys, the same in every process."""
    return int.from_bytes(key.encode()[-9:], "big") * 2654435761 % 2**32


@dataclass
class Ledger:
    """What became of every object."""

    plan: Plan
    told: dict[str, str] = field(default_factory=dict)
    dead: Counter[str] = field(default_factory=Counter)
    notes: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    def expect(self, keys: Sequence[str], truth: str, dead: int | None) -> None:
        """Note every object that is told as something else; `dead`: its dead letters, or any."""
        for key in keys:
            if self.told.get(key) != truth:
                self.wrong.append(f"{key} is told as {self.told.get(key)}, not as {truth}")
            if dead is not None and self.dead[key] != dead:
                self.wrong.append(f"{key} has {self.dead[key]} dead letters, not {dead}")

    def lines(self) -> Iterator[str]:
        """The ledger as a table."""
        plan = self.plan
        kinds = {"good": plan.good, "broken": plan.broken, "deadly": plan.deadly}
        yield f"{'objects':<10}{'count':>7}  told as"
        for name, keys in kinds.items():
            told = Counter(self.told.get(key, "nothing") for key in keys)
            dead = sum(self.dead[key] for key in keys)
            words = ", ".join(f"{count} {what}" for what, count in told.most_common())
            yield f"{name:<10}{len(keys):>7}  {words}; {dead} dead letters"
        yield from self.notes
        yield f"{len(self.wrong)} wrong"
        yield from self.wrong[:20]


def soak(
    objects: int,
    folder: Path,
    *,
    seed: int = 1,
    workers: int = 2,
    kill_every: float = 12.0,
    poison: float = POISON,
    visibility: int = 15,
    limit: float = 3600.0,
    rates: dict[str, float] | None = None,
) -> tuple[Ledger, Ledger]:
    """Run it; answers the ledger while the deadly ones are deadly, and after their cure."""
    plan = Plan.of(objects, poison)
    give_up = time.monotonic() + limit
    with local_s3(folder) as s3, local_queue(visibility_timeout=visibility) as queue:
        client = s3.client()
        client.create_bucket(Bucket=BUCKET)
        store = S3ObjectStore(BUCKET, client)
        _fill(store, queue, plan)
        with _proxy(s3, RATES if rates is None else rates, seed) as (url, happened):
            began = time.monotonic()
            first = Ledger(plan)
            with _workers(s3, url, queue, seed, workers, kill_every, cured=False) as counted:
                _wait_until_empty(queue, give_up)
            took = time.monotonic() - began
            _read(store, queue, first)
            first.notes.append(f"took {took:.0f} s, {objects / took:.1f} objects/s")
            first.notes.append(f"workers killed at random {counted[0]}, died in all {counted[1]}")
            second = Ledger(plan)
            _redrive(queue)
            with _workers(s3, url, queue, seed + 1, workers, 0, cured=True):
                _wait_until_empty(queue, give_up)
            _read(store, queue, second)
        second.notes.append(f"bucket: {happened[0]}")
    first.expect(plan.broken, "failed: unsupported-image", 1)
    first.expect(plan.deadly, "failed: detection-interrupted", 1)
    second.expect(plan.good, "succeeded", 0)
    second.expect(plan.broken, "failed: unsupported-image", 1)
    second.expect(plan.deadly, "succeeded", 0)
    return first, second


def _fill(store: S3ObjectStore, queue: LocalQueue, plan: Plan) -> None:
    """Put every object, and its event: a tenth of them twice, as S3 may."""
    bodies = [squares("red"), squares("green", "blue"), squares("red", "green", "blue")]

    def put(key: str) -> ObjectInfo:
        body = b"no photograph" if "broken" in key else bodies[hash_of(key) % 3]
        return store.put(key, body, content_type="image/png")

    with ThreadPoolExecutor(4) as pool:
        for info in pool.map(put, plan.keys):
            queue.send(created_event(BUCKET, info))
            if info.key in plan.good and hash_of(info.key) % 10 == 0:
                queue.send(created_event(BUCKET, info))


@contextmanager
def _proxy(s3: LocalS3, rates: dict[str, float], seed: int) -> Iterator[tuple[str, list[str]]]:
    command = [sys.executable, HERE.parent / "support/faulty_s3.py", s3.endpoint_url]
    command += [f"--seed={seed}", *(f"--rate={name}={rate}" for name, rate in rates.items())]
    happened: list[str] = []
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip(), happened
        finally:
            process.stdin.close()
            happened.append(process.stdout.read().strip())


@contextmanager
def _workers(
    s3: LocalS3,
    url: str,
    queue: LocalQueue,
    seed: int,
    workers: int,
    kill_every: float,
    *,
    cured: bool,
) -> Iterator[list[int]]:
    words = {
        "s3": url,
        "sqs": queue.client.meta.endpoint_url,
        "queue": queue.url,
        "bucket": BUCKET,
        "access-key": s3.access_key_id,
        "secret-key": s3.secret_access_key,
        "model": COLOUR_MODEL,
        "workers": workers,
        "seed": seed,
        "kill-every": kill_every,
    }
    command = [sys.executable, HERE / "soak_workers.py", *(f"--{n}={v}" for n, v in words.items())]
    command += ["--cured"] if cured else []
    keys = {"AWS_ACCESS_KEY_ID": "any", "AWS_SECRET_ACCESS_KEY": "any"}
    counted: list[int] = []
    with subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        # What LiteRT says of itself, once per worker.
        stderr=subprocess.DEVNULL,
        text=True,
        env=os.environ | keys,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            yield counted
        finally:
            process.stdin.close()
            counted += map(int, process.stdout.read().split())


def _wait_until_empty(queue: LocalQueue, give_up: float) -> None:
    """Wait until no message waits or is worked off."""
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    while time.monotonic() < give_up:
        answer = queue.client.get_queue_attributes(QueueUrl=queue.url, AttributeNames=names)  # type: ignore[arg-type]
        if not sum(int(answer["Attributes"][name]) for name in names):  # type: ignore[index]
            return
        time.sleep(0.5)
    raise TimeoutError("Messages are left in the queue.")


def _redrive(queue: LocalQueue) -> None:
    letters = DeadLetters(queue.url, queue.client)
    for receipt, body in list(letters.take()):
        letters.send_back(receipt, body)


def _read(store: S3ObjectStore, queue: LocalQueue, ledger: Ledger) -> None:
    """Read what is told of every object, past the proxy."""
    results = ResultStore(store)
    letters = DeadLetters(queue.url, queue.client)
    for receipt, body in list(letters.take()):
        [record] = json.loads(body)["Records"]
        ledger.dead[record["s3"]["object"]["key"]] += 1
        letters.leave(receipt)
    folders = Counter(each.key.split("/")[1] for each in store.list_objects(RESULTS))
    for key in ledger.plan.keys:
        ledger.told[key] = _told(results, key, folders, ledger)
    for left in sorted(folders):
        ledger.wrong.append(f"{RESULTS}{left}/ belongs to no object")


def _told(results: ResultStore, key: str, folders: Counter[str], ledger: Ledger) -> str:
    """What latest/ says of an object, held against its result's own manifest and files."""
    latest = results.read_latest(key)
    if latest is None or latest.id is None:
        return "nothing"
    manifest = results.read(latest.id)
    files = folders.pop(latest.id, 0)
    if manifest is None or manifest.status != latest.status:
        ledger.wrong.append(f"latest/ says that {key} {latest.status}, its manifest does not")
    if isinstance(manifest, Manifest) and files < len(manifest.outputs) + 1:
        ledger.wrong.append(f"{key} lacks files")
    if isinstance(latest, FailedManifest):
        return f"failed: {latest.failure.type.rpartition(':')[2]}"
    return "succeeded"


def main() -> None:
    """Soak, print the ledgers, end with 1 when anything is wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--objects", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--kill-every", type=float, default=12.0)
    parser.add_argument("--limit", type=float, default=5400.0, help="Seconds.")
    words = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        ledgers = soak(
            words.objects,
            Path(folder),
            seed=words.seed,
            workers=words.workers,
            kill_every=words.kill_every,
            limit=words.limit,
        )
    for title, ledger in zip(("While it lasts", "After the cure"), ledgers, strict=True):
        print(f"\n{title}")
        print("\n".join(ledger.lines()))
    sys.exit(any(ledger.wrong for ledger in ledgers))


if __name__ == "__main__":
    main()
