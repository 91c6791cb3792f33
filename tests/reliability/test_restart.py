"""The embedded stack is stopped, or a part of it dies: nothing that was accepted is lost."""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from pathlib import Path

import pytest
from service import make_services, squares
from starlette.testclient import TestClient
from waiting import wait_for

from handler.errors import NotReady
from handler.jobs.queue import SQSJobQueue
from handler.jobs.worker import Worker
from handler.local.stack import BUCKET, LocalStack, local_stack
from handler.local.worker import Function
from handler.web.app import create_app
from handler.wiring import Services

ORIGINS = ["http://localhost:8080"]
JOBS = 5


def services_of(stack: LocalStack) -> Services:
    return make_services(
        {"open_inbox": True},
        store=stack.store,
        queue=SQSJobQueue(stack.queue.url, stack.queue.client),
        checks=(stack.s3.check_ready,),
    )


def function_of(services: Services) -> Function:
    worker = Worker(services.stored, BUCKET, queue=services.queue)
    return lambda event, context: worker.handle(event, lambda: 60.0)


def test_jobs_that_were_accepted_survive_a_restart(tmp_path: Path) -> None:
    with local_stack(tmp_path, origins=ORIGINS, visibility_timeout=1) as stack:
        client = TestClient(create_app(services_of(stack)))
        locations = []
        for number in range(JOBS):
            key = f"uploads/{number}/a.png"
            stack.store.put(key, squares("red"), content_type="image/png")
            wanted, headers = {"key": key}, {"Prefer": "respond-async"}
            answer = client.post("/v1/detections", json=wanted, headers=headers)
            assert answer.status_code == 202
            locations.append(answer.headers["Location"])
    with local_stack(tmp_path, origins=ORIGINS, visibility_timeout=1) as stack:
        services = services_of(stack)
        client = TestClient(create_app(services))
        with stack.working(function_of(services)) as waiting:
            assert waiting == JOBS
            for each in locations:
                wait_for(lambda each=each: client.get(each).json()["state"] == "succeeded")
        with stack.working(function_of(services)) as waiting:
            assert waiting == 0


@pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="Finds its child as Linux lists it.")
def test_a_dead_bucket_is_told_and_comes_back(tmp_path: Path) -> None:
    said: list[str] = []
    with local_stack(tmp_path, origins=ORIGINS, visibility_timeout=1, say=said.append) as stack:
        stack.store.put("inbox/kept.png", b"kept", content_type="image/png")
        client = TestClient(create_app(services_of(stack)))
        wait_for(lambda: client.get("/readyz").status_code == 200)
        os.kill(server_over(tmp_path), signal.SIGKILL)
        refused = wait_for(lambda: (answer := client.get("/readyz")).status_code == 503 and answer)
        assert "The S3 server is down" in refused.json()["detail"]
        wait_for(lambda: client.get("/readyz").status_code == 200)
        assert stack.store.get("inbox/kept.png").body == b"kept"
        assert said == [
            "The S3 server ended with code -9; starting it again",
            "The S3 server runs again",
        ]
        pid = server_over(tmp_path)
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    with pytest.raises(NotReady):
        stack.s3.check_ready()


def server_over(folder: Path) -> int:
    """The process id of the SeaweedFS that runs in that folder, no other test's."""
    for path in Path("/proc").glob("[0-9]*/cwd"):
        with suppress(OSError):
            if path.readlink() == folder / "s3" and "weed" in (path.parent / "comm").read_text():
                return int(path.parent.name)
    raise LookupError(f"No SeaweedFS runs over {folder}.")
