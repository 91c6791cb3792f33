"""`maskdrop redrive` against a real queue protocol: what goes back, what stays, what is said."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from click.testing import Result
from events import load_event
from typer.testing import CliRunner

from handler.commands.main import app
from handler.local.queue import MAX_RECEIVES, LocalQueue, local_queue, make_queue
from handler.local.worker import LocalContext, deliver_batch

EVENT = load_event("s3_put")


@pytest.fixture(scope="module")
def server() -> Iterator[LocalQueue]:
    with local_queue() as queue:
        yield queue


@pytest.fixture
def queue(server: LocalQueue, monkeypatch: pytest.MonkeyPatch) -> LocalQueue:
    """A queue with two dead letters, an event and a message that nobody understands."""
    queue = make_queue(server.client, visibility_timeout=0)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "any")
    monkeypatch.setenv("MASKDROP_QUEUE_URL", queue.url)
    monkeypatch.setenv("MASKDROP_SQS_ENDPOINT", queue.client.meta.endpoint_url)
    queue.send(EVENT)
    queue.send({"hello": 1})
    for _ in range(MAX_RECEIVES + 1):
        deliver_batch(queue, fails)
    assert len(bodies(queue, queue.dead_letter_url)) == 2
    return queue


def fails(event: dict[str, object], context: LocalContext) -> None:
    raise RuntimeError("fails")


def bodies(queue: LocalQueue, url: str) -> list[object]:
    answer = queue.client.receive_message(QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=0)
    return [json.loads(message["Body"]) for message in answer.get("Messages", [])]


def redrive(*words: str) -> Result:
    return CliRunner().invoke(app, ["redrive", *words])


def test_what_can_be_understood_goes_back(queue: LocalQueue) -> None:
    answer = redrive()
    assert answer.exit_code == 0, answer.output
    assert "'inbox/cat.jpg'" in answer.stdout
    assert "1 sent back, 1 stayed." in answer.stdout
    assert "Not understood" in answer.stderr
    assert bodies(queue, queue.url) == [EVENT]
    assert bodies(queue, queue.dead_letter_url) == [{"hello": 1}]


def test_all_goes_back_where_that_is_asked_for(queue: LocalQueue) -> None:
    assert "2 sent back, 0 stayed." in redrive("--all").stdout
    assert len(bodies(queue, queue.url)) == 2
    assert bodies(queue, queue.dead_letter_url) == []


def test_a_dry_run_changes_nothing(queue: LocalQueue) -> None:
    assert "1 would be sent back, 1 would stay." in redrive("--dry-run").stdout
    assert bodies(queue, queue.url) == []
    assert len(bodies(queue, queue.dead_letter_url)) == 2


def test_a_queue_without_dead_letters_says_so(
    server: LocalQueue, queue: LocalQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MASKDROP_QUEUE_URL", server.dead_letter_url)
    answer = redrive()
    assert answer.exit_code == 1
    assert "has no dead-letter queue" in answer.stderr


def test_a_queue_has_to_be_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MASKDROP_QUEUE_URL", raising=False)
    answer = redrive()
    assert answer.exit_code == 1
    assert "--stack NAME, or MASKDROP_QUEUE_URL" in answer.stderr
