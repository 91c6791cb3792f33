"""Detections that are done later: the job, and the queue that carries it.

boto3 is imported when a client is made: deployments without a queue need no boto3.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Literal, Protocol, Self

from pydantic import BaseModel, ConfigDict

from handler.bucket.objects import ObjectInfo
from handler.detection.stored import Task
from handler.errors import BadOptions, QueueUnavailable
from handler.schemas import Options

if TYPE_CHECKING:
    from types_boto3_sqs import SQSClient
    from types_boto3_sqs.type_defs import MessageTypeDef

# Tells jobs from the S3 events that come through the same queue.
JOB_KIND: Literal["maskdrop:detection"] = "maskdrop:detection"
# How often SQS delivers a message before it becomes a dead letter: `maxReceiveCount` of the
# deployed template, and of the embedded stack.
MAX_RECEIVES = 3
# What SQS took before August 2025, when it became 1 MiB; servers like it may take no more.
MAX_MESSAGE_BYTES = 262_144
# How long a dead letter hides from others that is looked at, seconds.
HIDDEN_S = 120
# A message that was put back untried is a new one to SQS, which counts its receives from nothing:
# how often it was tried before.
TRIES_ATTRIBUTE = "MaskdropTries"


class Job(BaseModel):
    """One detection to do: this very object, with these options."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Literal["maskdrop:detection"] = JOB_KIND
    key: str
    size: int
    etag: str
    version_id: str | None = None
    options: Options

    @classmethod
    def of(cls, task: Task) -> Self:
        """The task as the queue carries it."""
        info = task.info
        return cls(
            key=info.key,
            size=info.size,
            etag=info.etag,
            version_id=info.version_id,
            options=task.options,
        )

    @property
    def info(self) -> ObjectInfo:
        """The object as it was when the job was made."""
        return ObjectInfo(self.key, self.size, self.etag, self.version_id)


class JobQueue(Protocol):
    """Where jobs wait for a worker. Every method raises QueueUnavailable."""

    def put(self, job: Job) -> None:
        """Hand over a job; raises BadOptions for one that no queue takes."""

    def put_back(self, body: str, tries: int) -> None:
        """Send a message anew that was tried `tries` times; who takes it counts on from there."""

    def settle(self, receipt: str) -> None:
        """Take a message that was received out of the queue."""


class SQSJobQueue:
    """The queue that the bucket's events go through too."""

    def __init__(self, url: str, client: SQSClient) -> None:
        self._url = url
        self._client = client

    def put(self, job: Job) -> None:
        """Send a job; raises QueueUnavailable, and BadOptions for one that is too long."""
        # In ASCII: SQS refuses some characters, and none that JSON writes as an escape.
        body = json.dumps(job.model_dump(mode="json"))
        if len(body) > MAX_MESSAGE_BYTES:
            raise BadOptions(
                f"The job has {len(body):,} bytes; the queue takes {MAX_MESSAGE_BYTES:,}. "
                "Name fewer classes."
            )
        with _queue_errors("take the job"):
            self._client.send_message(QueueUrl=self._url, MessageBody=body)

    def put_back(self, body: str, tries: int) -> None:
        """Send a message anew; raises QueueUnavailable."""
        with _queue_errors("take a message back"):
            self._client.send_message(
                QueueUrl=self._url,
                MessageBody=body,
                MessageAttributes={
                    TRIES_ATTRIBUTE: {"DataType": "Number", "StringValue": str(tries)}
                },
            )

    def settle(self, receipt: str) -> None:
        """Delete a message; raises QueueUnavailable."""
        with _queue_errors("delete a message"):
            self._client.delete_message(QueueUrl=self._url, ReceiptHandle=receipt)


class DeadLetters:
    """What a queue's messages become that failed too often. Methods raise QueueUnavailable."""

    def __init__(self, url: str, client: SQSClient) -> None:
        """The dead letters of the queue at `url`; raises QueueUnavailable for one without."""
        self._url = url
        self._client = client
        with _queue_errors("say where its dead letters are"):
            answer = client.get_queue_attributes(QueueUrl=url, AttributeNames=["RedrivePolicy"])
            policy = answer.get("Attributes", {}).get("RedrivePolicy")
            if policy is None:
                raise QueueUnavailable(f"{url} has no dead-letter queue.")
            *_, account, name = json.loads(policy)["deadLetterTargetArn"].split(":")
            found = client.get_queue_url(QueueName=name, QueueOwnerAWSAccountId=account)
        self.url = found["QueueUrl"]

    def take(self) -> Iterator[tuple[str, str]]:
        """Every dead letter, as receipt and body; each hides from others for HIDDEN_S."""
        while messages := self._receive():
            for message in messages:
                yield message["ReceiptHandle"], message["Body"]

    def send_back(self, receipt: str, body: str) -> None:
        """Put a dead letter into its queue, as one that was never tried, and take it from here."""
        with _queue_errors("take a dead letter back"):
            self._client.send_message(QueueUrl=self._url, MessageBody=body)
            self._client.delete_message(QueueUrl=self.url, ReceiptHandle=receipt)

    def leave(self, receipt: str) -> None:
        """Let others see a dead letter again."""
        with _queue_errors("leave a dead letter"):
            self._client.change_message_visibility(
                QueueUrl=self.url, ReceiptHandle=receipt, VisibilityTimeout=0
            )

    def _receive(self) -> list[MessageTypeDef]:
        with _queue_errors("hand out its dead letters"):
            answer = self._client.receive_message(
                QueueUrl=self.url,
                MaxNumberOfMessages=10,
                VisibilityTimeout=HIDDEN_S,
                WaitTimeSeconds=1,
            )
        return answer.get("Messages", [])


@contextmanager
def _queue_errors(action: str) -> Iterator[None]:
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield
    except (BotoCoreError, ClientError) as error:
        cause = type(error).__name__
        raise QueueUnavailable(f"The queue did not {action}: {cause}.") from error


def sqs_client(region: str, *, endpoint_url: str | None = None) -> SQSClient:
    """Build a client with AWS's usual chain of credentials."""
    import boto3
    from botocore.config import Config

    return boto3.client(
        "sqs",
        region_name=region,
        endpoint_url=endpoint_url,
        config=Config(
            retries={"mode": "standard", "total_max_attempts": 3},
            connect_timeout=3,
            read_timeout=10,
        ),
    )
