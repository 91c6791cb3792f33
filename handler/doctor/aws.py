"""Read-only calls to AWS about a stack and a bucket."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from handler.doctor.findings import CannotTell, Trouble

_CONFIG = Config(
    retries={"mode": "standard", "total_max_attempts": 2}, connect_timeout=3, read_timeout=20
)
_REFUSED = {"AccessDenied", "AccessDeniedException", "AuthorizationError", "403"}


@dataclass(frozen=True, slots=True)
class Stack:
    """A stack's outputs and parameters."""

    outputs: Mapping[str, str]
    parameters: Mapping[str, str]


class AWS:
    """One account's region, as the caller's credentials see it.

    Every method raises CannotTell where they do not let us look, else Trouble.
    """

    def __init__(self, region: str, *, s3_endpoint: str | None = None, sqs: str | None = None):
        self._region = region
        self._endpoints = {"s3": s3_endpoint, "sqs": sqs}

    def stack(self, stack: str) -> Stack:
        """Read what a stack was given, and what it made."""
        with _asking("cloudformation:DescribeStacks", f"stack {stack} in {self._region}"):
            found = self._client("cloudformation").describe_stacks(StackName=stack)["Stacks"][0]
        status = found["StackStatus"]
        if not status.endswith("_COMPLETE") or status in ("DELETE_COMPLETE", "ROLLBACK_COMPLETE"):
            raise Trouble(f"Stack {stack} is {status}.", "Look at its events, and deploy it anew.")
        return Stack(
            {each["OutputKey"]: each["OutputValue"] for each in found.get("Outputs", ())},
            {each["ParameterKey"]: each["ParameterValue"] for each in found.get("Parameters", ())},
        )

    def function(self, name: str) -> Mapping[str, Any]:
        """Read a function's configuration; `name` may be the ARN of a version or an alias."""
        with _asking("lambda:GetFunctionConfiguration", f"function {name}"):
            answer: Mapping[str, Any] = self._client("lambda").get_function_configuration(
                FunctionName=name
            )
        return answer

    def queue(self, url: str) -> Mapping[str, str]:
        """Read a queue's attributes."""
        with _asking("sqs:GetQueueAttributes", f"queue {url}"):
            answer = self._client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["All"])
        attributes: Mapping[str, str] = answer["Attributes"]
        return attributes

    def notifications(self, bucket: str) -> Mapping[str, Any]:
        """Read a bucket's notification configuration."""
        with _asking("s3:GetBucketNotification", f"bucket {bucket}"):
            answer: Mapping[str, Any] = self._client("s3").get_bucket_notification_configuration(
                Bucket=bucket
            )
        return answer

    def _client(self, service: str) -> Any:
        return boto3.client(  # type: ignore[call-overload]
            service,
            region_name=self._region,
            endpoint_url=self._endpoints.get(service),
            config=_CONFIG,
        )


@contextmanager
def _asking(action: str, what: str) -> Iterator[None]:
    try:
        yield
    except ClientError as error:
        code = error.response["Error"]["Code"]
        if code in _REFUSED:
            raise CannotTell(f"Your credentials lack {action} for {what}.") from None
        if code in ("NotImplemented", "MethodNotAllowed"):
            raise CannotTell(f"This server does not know {action}.") from None
        message = error.response["Error"].get("Message", code)
        raise Trouble(f"{what[0].upper()}{what[1:]}: {message}") from None
    except BotoCoreError as error:
        raise CannotTell(f"AWS cannot be asked for {what}: {error}") from None
