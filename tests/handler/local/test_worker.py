"""The queue and its worker, as SQS and Lambda are together."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from handler.local.queue import MAX_RECEIVES, LocalQueue, local_queue, make_queue
from handler.local.worker import LocalContext, deliver_batch

Event = dict[str, Any]


@pytest.fixture(scope="module")
def server() -> Iterator[LocalQueue]:
    with local_queue() as queue:
        yield queue


@pytest.fixture
def queue(server: LocalQueue) -> LocalQueue:
    """A queue whose failed messages come back at once."""
    return make_queue(server.client, visibility_timeout=0)


class Function:
    """Remembers its events; fails the messages whose bodies are in `bad`."""

    def __init__(self, *bad: str) -> None:
        self.events: list[Event] = []
        self._bad = [f'"{body}"' for body in bad]

    def __call__(self, event: Event, context: LocalContext) -> dict[str, Any]:
        self.events.append(event)
        failed = [each["messageId"] for each in event["Records"] if each["body"] in self._bad]
        return {"batchItemFailures": [{"itemIdentifier": each} for each in failed]}


def bodies(queue: LocalQueue, url: str) -> list[str]:
    answer = queue.client.receive_message(QueueUrl=url, MaxNumberOfMessages=10)
    return [message["Body"] for message in answer.get("Messages", [])]


def send(queue: LocalQueue, *bodies: str) -> None:
    for body in bodies:
        queue.send(body)  # type: ignore[arg-type]


def test_a_message_arrives_as_lambda_names_its_parts(queue: LocalQueue) -> None:
    queue.send({"a": 1})
    function = Function()
    assert deliver_batch(queue, function) == 1
    [record] = function.events[0]["Records"]
    assert (record["body"], record["eventSource"]) == ('{"a": 1}', "aws:sqs")
    assert record["attributes"]["ApproximateReceiveCount"] == "1"


def test_what_was_processed_is_gone(queue: LocalQueue) -> None:
    send(queue, "good")
    deliver_batch(queue, Function())
    assert bodies(queue, queue.url) == []


def test_an_empty_queue_calls_nobody(queue: LocalQueue) -> None:
    function = Function()
    assert deliver_batch(queue, function) == 0
    assert function.events == []


def test_of_a_batch_only_what_failed_comes_back(queue: LocalQueue) -> None:
    send(queue, "good", "bad", "fine")
    deliver_batch(queue, Function("bad"))
    assert bodies(queue, queue.url) == ['"bad"']


def test_what_fails_again_and_again_ends_in_the_dead_letter_queue(queue: LocalQueue) -> None:
    send(queue, "bad")
    function = Function("bad")
    received = [deliver_batch(queue, function) for _ in range(MAX_RECEIVES + 1)]
    assert received == [1] * MAX_RECEIVES + [0]
    assert bodies(queue, queue.dead_letter_url) == ['"bad"']


def test_each_attempt_is_told_its_number(queue: LocalQueue) -> None:
    send(queue, "bad")
    function = Function("bad")
    for _ in range(MAX_RECEIVES):
        deliver_batch(queue, function)
    counts = [
        event["Records"][0]["attributes"]["ApproximateReceiveCount"] for event in function.events
    ]
    assert counts == ["1", "2", "3"]


def raises(event: Event, context: LocalContext) -> None:
    raise RuntimeError("no memory")


def reports_a_stranger(event: Event, context: LocalContext) -> Event:
    return {"batchItemFailures": [{"itemIdentifier": "no such message"}]}


@pytest.mark.parametrize("function", [raises, reports_a_stranger])
def test_a_function_that_fails_as_a_whole_fails_its_batch(queue: LocalQueue, function: Any) -> None:
    send(queue, "one", "two")
    deliver_batch(queue, function)
    assert sorted(bodies(queue, queue.url)) == ['"one"', '"two"']


def test_a_function_that_answers_nothing_has_done_all(queue: LocalQueue) -> None:
    send(queue, "one")
    deliver_batch(queue, lambda event, context: None)
    assert bodies(queue, queue.url) == []


def test_a_failed_message_hides_for_its_visibility_timeout(server: LocalQueue) -> None:
    queue = make_queue(server.client, visibility_timeout=30)
    send(queue, "bad")
    deliver_batch(queue, Function("bad"))
    assert bodies(queue, queue.url) == []


def test_a_function_can_ask_what_lambda_tells(queue: LocalQueue) -> None:
    context = LocalContext()
    assert 0 < context.get_remaining_time_in_millis() <= 60_000
    assert context.aws_request_id != LocalContext().aws_request_id
