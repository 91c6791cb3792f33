"""Each line of `maskdrop doctor` turns red when that very thing is broken, and names the cure."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import boto3
import httpx2
import pytest
from memory_store import MemoryObjectStore
from service import COLOUR_MODEL

from handler.bucket.s3 import S3ObjectStore
from handler.doctor.bucket import PrefixCheck
from handler.doctor.findings import Finding, examine
from handler.doctor.local import examine_environment
from handler.errors import AccessDenied
from handler.local.seaweedfs import LocalS3, make_bucket
from handler.settings import Settings

SITE = "https://site.example"


def findings(**settings: Any) -> dict[str, Finding]:
    """What the doctor says of an environment, by check."""
    wanted = Settings(**{"model": str(COLOUR_MODEL)} | settings)
    with httpx2.Client(timeout=10) as http:
        return {each.check: each for each in examine_environment(wanted, http)}


def levels(found: dict[str, Finding]) -> dict[str, str]:
    return {name: each.level for name, each in found.items()}


# ---- the machine


def test_a_machine_without_a_bucket_is_green_as_far_as_can_be_told() -> None:
    assert levels(findings()) == {
        "Model": "green",
        "Memory": "green",
        "Threads": "green",
        "Temporary files": "green",
        "Bucket": "yellow",
        "Queue": "yellow",
        "SnapStart": "yellow",
    }


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A copy of the colour model, to be broken."""
    return shutil.copytree(COLOUR_MODEL, tmp_path / "colour")


def test_a_damaged_model_is_red(model: Path) -> None:
    (model / "model.tflite").write_bytes(b"damaged")
    found = findings(model=str(model))["Model"]
    assert (found.level, "model.tflite has SHA-256" in found.says) == ("red", True)
    assert "MASKDROP_MODEL" in found.cure


def test_a_model_that_answers_otherwise_than_recorded_is_red(model: Path) -> None:
    manifest = json.loads((model / "manifest.json").read_text())
    manifest["golden"]["detections"][0]["box"] = [0, 0, 5, 5]
    (model / "manifest.json").write_text(json.dumps(manifest))
    found = findings(model=str(model))["Model"]
    assert (found.level, "is recorded but not found" in found.says) == ("red", True)


def test_a_function_with_too_little_memory_is_red(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128")
    found = findings()["Memory"]
    assert (found.level, found.says.startswith("128 MB, and ")) == ("red", True)
    assert found.cure.startswith("Give it ")


def test_more_threads_than_processors_are_red() -> None:
    found = findings(threads=10_000)["Threads"]
    assert (found.level, "Unset MASKDROP_THREADS" in found.cure) == ("red", True)


def test_too_little_room_for_the_largest_request_is_red() -> None:
    found = findings(max_image_bytes=10**15)["Temporary files"]
    assert (found.level, "EphemeralStorage" in found.cure) == ("red", True)


# ---- the bucket, on a server that checks


@pytest.fixture
def bucket(
    seaweedfs: LocalS3, seaweedfs_store: S3ObjectStore, sign_in: Callable[[str, str], None]
) -> dict[str, Any]:
    """Settings of a bucket that is in order, with the keys to it in the environment."""
    sign_in(seaweedfs.access_key_id, seaweedfs.secret_access_key)
    make_bucket(seaweedfs.client(), seaweedfs_store.bucket, [SITE])
    return {
        "bucket": seaweedfs_store.bucket,
        "s3_endpoint": seaweedfs.endpoint_url,
        "cors_origins": (SITE,),
    }


def deny(seaweedfs: LocalS3, bucket: str, action: str, resource: str) -> None:
    statement = {"Effect": "Deny", "Principal": "*", "Action": action, "Resource": resource}
    policy = {"Version": "2012-10-17", "Statement": [statement]}
    seaweedfs.client().put_bucket_policy(Bucket=bucket, Policy=json.dumps(policy))


def test_a_bucket_in_order_is_green_and_left_as_it_was(
    seaweedfs_store: S3ObjectStore, bucket: dict[str, Any]
) -> None:
    found = levels(findings(**bucket))
    assert {name for name, level in found.items() if level == "red"} == set()
    assert (found["Presigned"], found["Permissions results/"], found["CORS"]) == ("green",) * 3
    assert list(seaweedfs_store.list_objects("")) == []


def test_a_wrong_secret_is_red(
    seaweedfs: LocalS3, bucket: dict[str, Any], sign_in: Callable[[str, str], None]
) -> None:
    sign_in(seaweedfs.access_key_id, "0" * 40)
    found = findings(**bucket)["Presigned"]
    assert (found.level, found.cure) == (
        "red",
        "Give the service the secret that belongs to its access key.",
    )


def test_a_server_that_is_gone_is_red(bucket: dict[str, Any]) -> None:
    found = findings(**bucket | {"s3_endpoint": "http://127.0.0.1:9"})
    assert (found["Presigned"].level, found["Permissions inbox/"].level) == ("red", "red")
    assert "MASKDROP_BUCKET" in found["Presigned"].cure


@pytest.mark.parametrize(
    ("action", "prefix", "resource"),
    [
        ("s3:PutObject", "uploads/", "/uploads/*"),
        ("s3:PutObject", "results/", "/results/*"),
        ("s3:GetObject", "latest/", "/latest/*"),
        ("s3:GetObject", "inbox/", "/inbox/*"),
        ("s3:ListBucket", "inbox/", ""),
    ],
)
def test_a_refused_action_is_red_and_named(
    seaweedfs: LocalS3, bucket: dict[str, Any], action: str, prefix: str, resource: str
) -> None:
    arn = f"arn:aws:s3:::{bucket['bucket']}{resource}"
    deny(seaweedfs, bucket["bucket"], action, arn)
    found = findings(**bucket)[f"Permissions {prefix}"]
    assert (found.level, found.cure) == ("red", f"Allow {action} on {arn}.")


class Undeletable(MemoryObjectStore):
    """A bucket whose policy refuses deletions; SeaweedFS asks none for several at once."""

    def delete(self, keys: object) -> None:
        raise AccessDenied("Cannot delete: the bucket refuses.")


def test_a_refused_deletion_is_red_and_named() -> None:
    found = examine("results/", PrefixCheck(Undeletable(), "results/"), "")
    assert (found.says, found.cure) == (
        "Refused: delete.",
        "Allow s3:DeleteObject on arn:aws:s3:::bucket/results/*.",
    )


def test_a_site_that_the_bucket_does_not_allow_is_red(bucket: dict[str, Any]) -> None:
    found = findings(**bucket | {"cors_origins": ("https://other.example",)})["CORS"]
    assert (found.level, "https://other.example" in found.cure) == ("red", True)


# ---- what a server says of itself


@contextmanager
def server(**headers: str) -> Iterator[str]:
    """A server that answers everything with these headers."""

    class Handler(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self.send_response_only(403)
            for name, value in headers.items():
                self.send_header(name.replace("_", "-"), value)
            self.end_headers()

        do_GET = do_POST = do_PUT = do_DELETE = do_OPTIONS = do_HEAD  # noqa: N815

        def log_message(self, *args: Any) -> None:
            """Say nothing."""

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=http.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{http.server_port}"
    http.shutdown()
    http.server_close()


def at(url: str) -> dict[str, Finding]:
    return findings(bucket="maskdrop", region="eu-west-1", s3_endpoint=url)


@pytest.mark.parametrize(
    ("minutes", "level", "words"),
    [(-5, "red", "s ahead of"), (5, "red", "s behind"), (0, "green", "within 60 s")],
)
def test_a_clock_that_is_off_is_red(
    bucket: dict[str, Any], minutes: float, level: str, words: str
) -> None:
    theirs = format_datetime(datetime.now(UTC) + timedelta(minutes=minutes))
    with server(Date=theirs) as url:
        found = at(url)["Clock"]
    assert (found.level, words in found.says) == (level, True)


def test_a_bucket_in_another_region_is_red(bucket: dict[str, Any]) -> None:
    with server(x_amz_bucket_region="us-west-2") as url:
        found = at(url)["Region"]
    assert (found.level, found.cure) == ("red", "Set MASKDROP_REGION=us-west-2.")


def test_a_bucket_in_our_region_is_green(bucket: dict[str, Any]) -> None:
    with server(x_amz_bucket_region="eu-west-1") as url:
        assert at(url)["Region"].level == "green"


# ---- notifications and the queue, as moto plays AWS


@pytest.fixture
def aws(moto_url: str, sign_in: Callable[[str, str], None]) -> str:
    sign_in("any", "any")
    return moto_url


def queue(url: str, name: str, **attributes: str) -> tuple[str, str]:
    """A new queue's URL and ARN."""
    sqs = boto3.client("sqs", region_name="us-east-1", endpoint_url=url)
    made: str = sqs.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]
    found = sqs.get_queue_attributes(QueueUrl=made, AttributeNames=["QueueArn"])
    return made, found["Attributes"]["QueueArn"]


def notify(url: str, store: S3ObjectStore, prefix: str | None) -> None:
    """Have the bucket tell a queue of what is made under a prefix."""
    rule: dict[str, Any] = {
        "QueueArn": queue(url, store.bucket)[1],
        "Events": ["s3:ObjectCreated:*"],
    }
    if prefix is not None:
        rule["Filter"] = {"Key": {"FilterRules": [{"Name": "prefix", "Value": prefix}]}}
    boto3.client(
        "s3", region_name="us-east-1", endpoint_url=url
    ).put_bucket_notification_configuration(
        Bucket=store.bucket, NotificationConfiguration={"QueueConfigurations": [rule]}
    )


@pytest.mark.parametrize(
    ("prefix", "level", "words"),
    [
        ("inbox/", "green", "Events of objects created under inbox/ go to bucket-"),
        (None, "red", "A loop: events of objects created anywhere go to bucket-"),
        ("res", "red", "A loop: events of objects created under 'res' go to bucket-"),
        ("latest/inbox/", "red", "A loop: events of objects created under 'latest/inbox/'"),
        ("photos/", "red", "Objects created under inbox/"),
    ],
)
def test_events_that_loop_or_never_come_are_red(
    aws: str, moto_store: S3ObjectStore, prefix: str | None, level: str, words: str
) -> None:
    notify(aws, moto_store, prefix)
    found = findings(bucket=moto_store.bucket, s3_endpoint=aws)["Events"]
    assert (found.level, words in found.says) == (level, True), found.says


def test_a_queue_without_a_dead_letter_queue_is_red(aws: str) -> None:
    dead = queue(aws, "dead")[1]
    redrive = json.dumps({"deadLetterTargetArn": dead, "maxReceiveCount": 3})
    bare, whole = queue(aws, "bare")[0], queue(aws, "whole", RedrivePolicy=redrive)[0]
    assert findings(queue_url=bare, sqs_endpoint=aws)["Queue"].level == "red"
    assert findings(queue_url=whole, sqs_endpoint=aws)["Queue"].level == "green"


def test_a_queue_that_is_not_there_is_red(aws: str) -> None:
    found = findings(queue_url=f"{aws}/123456789012/gone", sqs_endpoint=aws)["Queue"]
    assert (found.level, found.cure) == ("red", "Set MASKDROP_QUEUE_URL to a queue.")
