"""Notifications as another S3 sends them: moto's, through its SQS."""

from __future__ import annotations

import json
from typing import Any

import boto3
import pytest
from events import read_created

from handler.bucket.s3 import S3ObjectStore

ANY = {"aws_access_key_id": "any", "aws_secret_access_key": "any", "region_name": "us-east-1"}


class Notified:
    """A bucket that tells a queue of every object made in it."""

    def __init__(self, url: str, store: S3ObjectStore) -> None:
        self.store = store
        self._sqs = boto3.client("sqs", endpoint_url=url, **ANY)
        self._queue_url = self._sqs.create_queue(QueueName=store.bucket)["QueueUrl"]
        attributes = self._sqs.get_queue_attributes(
            QueueUrl=self._queue_url, AttributeNames=["QueueArn"]
        )
        queue = {"QueueArn": attributes["Attributes"]["QueueArn"], "Events": ["s3:ObjectCreated:*"]}
        boto3.client("s3", endpoint_url=url, **ANY).put_bucket_notification_configuration(
            Bucket=store.bucket, NotificationConfiguration={"QueueConfigurations": [queue]}
        )

    def messages(self) -> list[dict[str, Any]]:
        """What has arrived since the last call."""
        answer = self._sqs.receive_message(QueueUrl=self._queue_url, MaxNumberOfMessages=10)
        return [json.loads(message["Body"]) for message in answer.get("Messages", [])]


@pytest.fixture
def notified(moto_url: str, moto_store: S3ObjectStore) -> Notified:
    return Notified(moto_url, moto_store)


def test_the_test_event_of_a_new_notification_makes_nothing(notified: Notified) -> None:
    [message] = notified.messages()
    assert message["Event"] == "s3:TestEvent"
    assert list(read_created(message)) == []


@pytest.mark.parametrize("name", ["a b.jpg", "a+b.jpg", "a%2Bb.jpg", "été 🐈.jpg", "100%.jpg"])
def test_a_notification_names_the_object_that_was_put(notified: Notified, name: str) -> None:
    notified.messages()
    put = notified.store.put(f"inbox/{name}", b"hello", content_type="image/jpeg")
    [message] = notified.messages()
    [created] = read_created(message)
    assert (created.bucket, created.key) == (notified.store.bucket, f"inbox/{name}")
    assert (created.etag, created.size) == (put.etag, 5)
