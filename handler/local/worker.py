"""The embedded stack's worker: hands the queue's messages to a function as AWS Lambda would.

An SQS event source mapping with ReportBatchItemFailures: messages of a batch that the
function does not report as failed are deleted, the others come back after the queue's
visibility timeout. A function that raises, or reports a message it was not given, has
failed the whole batch.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Event, Thread
from time import monotonic
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from botocore.exceptions import BotoCoreError, ClientError

from handler.local.seaweedfs import REGION

if TYPE_CHECKING:
    from types_boto3_sqs.type_defs import MessageTypeDef

    from handler.local.queue import LocalQueue

# As in the deployed template, seconds.
FUNCTION_TIMEOUT = 60.0

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class LocalContext:
    """What Lambda tells a function about its call, under Lambda's names."""

    aws_request_id: str = field(default_factory=lambda: str(uuid4()))
    function_name: str = "maskdrop-batch"
    function_version: str = "$LATEST"
    invoked_function_arn: str = f"arn:aws:lambda:{REGION}:123456789012:function:maskdrop-batch"
    memory_limit_in_mb: int = 3008
    deadline: float = field(default_factory=lambda: monotonic() + FUNCTION_TIMEOUT)

    def get_remaining_time_in_millis(self) -> int:
        """Milliseconds until Lambda would end the call; nothing ends it here."""
        return max(0, round(1000 * (self.deadline - monotonic())))


Function = Callable[[dict[str, Any], LocalContext], Mapping[str, Any] | None]


@contextmanager
def local_worker(queue: LocalQueue, function: Function, *, batch_size: int = 4) -> Iterator[None]:
    """Empty the queue into `function` on a thread of its own; ends after the batch at hand."""
    stopped = Event()

    def work() -> None:
        while not stopped.is_set():
            try:
                deliver_batch(queue, function, batch_size=batch_size, wait_seconds=1)
            except (BotoCoreError, ClientError):
                _log.exception("The queue does not answer; trying again.")
                stopped.wait(1)

    thread = Thread(target=work, name="worker", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stopped.set()
        thread.join()


def deliver_batch(
    queue: LocalQueue, function: Function, *, batch_size: int = 10, wait_seconds: int = 0
) -> int:
    """Call `function` with one batch, if there is any; answers how many messages it had."""
    messages = queue.client.receive_message(
        QueueUrl=queue.url,
        MaxNumberOfMessages=batch_size,
        WaitTimeSeconds=wait_seconds,
        MessageSystemAttributeNames=["All"],
        MessageAttributeNames=["All"],
    ).get("Messages", [])
    if messages:
        failed = _call(function, messages)
        for message in messages:
            if message["MessageId"] not in failed:
                queue.client.delete_message(
                    QueueUrl=queue.url, ReceiptHandle=message["ReceiptHandle"]
                )
    return len(messages)


def _call(function: Function, messages: Sequence[MessageTypeDef]) -> set[str]:
    """Call the function; answers the ids of the messages that failed."""
    ids = {message["MessageId"] for message in messages}
    try:
        answer = function({"Records": list(map(_record, messages))}, LocalContext()) or {}
        failed = {each["itemIdentifier"] for each in answer.get("batchItemFailures") or ()}
    except Exception:
        _log.exception("The function failed; its %d messages will come back.", len(ids))
        return ids
    return failed if failed <= ids else ids


def _record(message: MessageTypeDef) -> dict[str, Any]:
    """Name a message's parts as Lambda does."""
    return {
        "messageId": message["MessageId"],
        "receiptHandle": message["ReceiptHandle"],
        "body": message["Body"],
        "attributes": dict(message["Attributes"]),
        "messageAttributes": {
            name: {"stringValue": each.get("StringValue", ""), "dataType": each["DataType"]}
            for name, each in message.get("MessageAttributes", {}).items()
        },
        "md5OfBody": message["MD5OfBody"],
        "eventSource": "aws:sqs",
        "eventSourceARN": f"arn:aws:sqs:{REGION}:123456789012:maskdrop",
        "awsRegion": REGION,
    }
