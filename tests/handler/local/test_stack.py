"""The embedded stack whole: files in, events out, nothing lost across a restart."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import Empty, Queue
from typing import Any

import pytest
import requests
from events import read_created
from waiting import PATIENCE_S, dead_letters, wait_for

from handler.bucket.result_store import ResultStore
from handler.jobs.s3_events import ObjectCreated, is_for_us
from handler.local.seaweedfs import LocalS3Failed
from handler.local.stack import LocalStack, local_stack
from handler.local.worker import LocalContext
from handler.schemas import FailedManifest, FailedSource, Failure, Model, Options

ORIGIN = "http://localhost:8080"


class Inbox:
    """A batch function that publishes a result for every object it is told of."""

    def __init__(self, stack: LocalStack) -> None:
        self._results = ResultStore(stack.store)
        self.seen: Queue[ObjectCreated] = Queue()

    def __call__(self, event: dict[str, Any], context: LocalContext) -> dict[str, Any]:
        for created in read_created(event):
            source = FailedSource(key=created.key, etag=created.etag, size=created.size)
            manifest = FailedManifest(
                source=source,
                model=Model(name="none", version=1, digest="0"),
                options=Options(),
                failure=Failure(type="test", detail="No model."),
            )
            self._results.publish_latest(manifest, created.sequencer)
            self.seen.put(created)
        return {"batchItemFailures": []}

    def next(self) -> ObjectCreated:
        return self.seen.get(timeout=PATIENCE_S)


@contextmanager
def running(folder: Path) -> Iterator[LocalStack]:
    with local_stack(folder, origins=[ORIGIN], visibility_timeout=1) as stack:
        yield stack


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("stack")


@pytest.fixture(scope="module")
def stack(folder: Path) -> Iterator[LocalStack]:
    with running(folder) as stack:
        yield stack


def test_a_file_put_in_the_inbox_reaches_the_function(stack: LocalStack) -> None:
    inbox = Inbox(stack)
    with stack.working(inbox):
        put = stack.store.put("inbox/été a+b%2B.jpg", b"hello", content_type="image/jpeg")
        created = inbox.next()
    assert is_for_us(created, stack.store.bucket)
    assert (created.key, created.size, created.etag) == (put.key, put.size, put.etag)


def test_a_presigned_form_into_the_inbox_reaches_it_too(stack: LocalStack) -> None:
    inbox = Inbox(stack)
    form = stack.store.presign_post(
        "inbox/posted.jpg", content_type="image/jpeg", max_bytes=10, expires_in=60
    )
    with stack.working(inbox):
        requests.post(form.url, form.fields, files={"file": b"hello"}, timeout=10)
        assert inbox.next().key == "inbox/posted.jpg"


def test_a_bucket_takes_one_volume_of_the_disk(folder: Path, stack: LocalStack) -> None:
    stack.store.put("elsewhere/a.txt", b"hello", content_type="text/plain")
    assert len(list(folder.rglob(f"{stack.store.bucket}_*.dat"))) == 1


def test_what_lies_elsewhere_does_not(stack: LocalStack) -> None:
    inbox = Inbox(stack)
    with stack.working(inbox):
        for key in ("uploads/1/a.jpg", "results/1/overlay.jpg", "models/a/1/model.tflite"):
            stack.store.put(key, b"x", content_type="image/jpeg")
        stack.store.put("inbox/last.jpg", b"hello", content_type="image/jpeg")
        assert inbox.next().key == "inbox/last.jpg"
    with pytest.raises(Empty):
        inbox.seen.get_nowait()


def test_a_poison_message_ends_in_the_dead_letter_queue(stack: LocalStack) -> None:
    def poisoned(event: dict[str, Any], context: LocalContext) -> None:
        raise RuntimeError("poison")

    with stack.working(poisoned):
        stack.store.put("inbox/poison.jpg", b"hello", content_type="image/jpeg")
        [dead] = wait_for(lambda: dead_letters(stack.queue))
    assert "inbox/poison.jpg" in dead


def test_a_restart_keeps_the_bucket_and_loses_no_event(tmp_path: Path) -> None:
    with running(tmp_path) as stack:
        inbox = Inbox(stack)
        with stack.working(inbox):
            stack.store.put("inbox/done.jpg", b"done", content_type="image/jpeg")
            inbox.next()
        secret = stack.s3.secret_access_key
        stack.store.put("inbox/waiting.jpg", b"waiting", content_type="image/jpeg")
    with running(tmp_path) as stack:
        inbox = Inbox(stack)
        with stack.working(inbox) as missed:
            assert (missed, inbox.next().key) == (1, "inbox/waiting.jpg")
        assert stack.store.get("inbox/done.jpg").body == b"done"
        assert stack.s3.secret_access_key == secret


def test_two_servers_never_share_a_folder(folder: Path, stack: LocalStack) -> None:
    with pytest.raises(LocalS3Failed, match="Another S3 server is running over"), running(folder):
        pass


def test_the_secret_is_for_its_owner_alone(folder: Path, stack: LocalStack) -> None:
    secrets = folder / "s3" / "s3.json"
    assert stack.s3.secret_access_key in secrets.read_text()
    assert secrets.stat().st_mode & 0o077 == 0


@pytest.mark.skipif(sys.platform != "linux", reason="Only Linux ends a child with its parent.")
def test_the_server_dies_with_a_parent_that_was_killed(tmp_path: Path) -> None:
    script = (
        "import pathlib, sys, time\n"
        "from handler.local.seaweedfs import local_s3\n"
        "with local_s3(pathlib.Path(sys.argv[1])) as server:\n"
        "    print(server.endpoint_url, flush=True)\n"
        "    time.sleep(60)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script, tmp_path], stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None
        url = parent.stdout.readline().strip()
        assert requests.get(url, timeout=10).status_code == 403
        os.kill(parent.pid, signal.SIGKILL)
    assert wait_for(lambda: not answers(url))


def answers(url: str) -> bool:
    try:
        requests.get(url, timeout=1)
    except requests.RequestException:
        return False
    return True
