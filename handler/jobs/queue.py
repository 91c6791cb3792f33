"""Detections that are done later: the job, and the queue that carries it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, Protocol, Self

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from pydantic import BaseModel, ConfigDict

from handler.bucket.objects import ObjectInfo
from handler.detection.stored import Task
from handler.errors import QueueUnavailable
from handler.schemas import Options

if TYPE_CHECKING:
    from types_boto3_sqs import SQSClient

# Tells jobs from the S3 events that come through the same queue.
JOB_KIND: Literal["maskdrop:detection"] = "maskdrop:detection"


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
    """Where jobs wait for a worker."""

    def put(self, job: Job) -> None:
        """Hand over a job; raises QueueUnavailable."""


class SQSJobQueue:
    """The queue that the bucket's events go through too."""

    def __init__(self, url: str, client: SQSClient) -> None:
        self._url = url
        self._client = client

    def put(self, job: Job) -> None:
        """Send a job; raises QueueUnavailable."""
        try:
            self._client.send_message(QueueUrl=self._url, MessageBody=job.model_dump_json())
        except (BotoCoreError, ClientError) as error:
            cause = type(error).__name__
            raise QueueUnavailable(f"The queue did not take the job: {cause}.") from error


def sqs_client(region: str, *, endpoint_url: str | None = None) -> SQSClient:
    """Build a client with AWS's usual chain of credentials."""
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
