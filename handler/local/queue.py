"""The embedded stack's queue: moto's SQS in this process, on loopback, in memory."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import boto3
from moto.server import ThreadedMotoServer

from handler.jobs.queue import MAX_RECEIVES
from handler.local.seaweedfs import REGION

if TYPE_CHECKING:
    from types_boto3_sqs import SQSClient


@dataclass(frozen=True, slots=True)
class LocalQueue:
    """A queue, and where its messages go that nobody could process."""

    client: SQSClient
    url: str
    dead_letter_url: str

    def send(self, message: Mapping[str, Any]) -> None:
        """Put a message in, as JSON."""
        self.client.send_message(QueueUrl=self.url, MessageBody=json.dumps(message))


@contextmanager
def local_queue(*, visibility_timeout: int = 30) -> Iterator[LocalQueue]:
    """Run an SQS server with one queue and its dead-letter queue; its messages end with it.

    `visibility_timeout`: seconds until a message that was received and not deleted can
    be received again.
    """
    logging.getLogger("werkzeug").setLevel(logging.WARNING)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    client = boto3.client(
        "sqs",
        region_name=REGION,
        endpoint_url=f"http://{host}:{port}",
        # moto checks none, boto3 sends none without.
        aws_access_key_id="local",
        aws_secret_access_key="local",  # noqa: S106
    )
    try:
        yield make_queue(client, visibility_timeout)
    finally:
        server.stop()


def make_queue(client: SQSClient, visibility_timeout: int) -> LocalQueue:
    """Make a queue of a new name and its dead-letter queue."""
    # Servers of one process share moto's queues, so the names must differ.
    name = f"maskdrop-{uuid4().hex[:8]}"
    dead_letter_url = client.create_queue(QueueName=f"{name}-dead")["QueueUrl"]
    dead_letters = client.get_queue_attributes(
        QueueUrl=dead_letter_url, AttributeNames=["QueueArn"]
    )
    redrive = {
        "deadLetterTargetArn": dead_letters["Attributes"]["QueueArn"],
        "maxReceiveCount": MAX_RECEIVES,
    }
    url = client.create_queue(
        QueueName=name,
        Attributes={
            "VisibilityTimeout": str(visibility_timeout),
            "RedrivePolicy": json.dumps(redrive),
        },
    )["QueueUrl"]
    return LocalQueue(client, url, dead_letter_url)
