"""`maskdrop doctor --api` before services that are broken in one thing each."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from service import make_services
from site_stack import serving
from typer.testing import CliRunner, Result

from handler.bucket.objects import ObjectStore
from handler.bucket.s3 import S3ObjectStore
from handler.commands.main import app
from handler.errors import AccessDenied
from handler.local.seaweedfs import LocalS3, make_bucket

SITE = "https://site.example"


@pytest.fixture
def store(seaweedfs: LocalS3, seaweedfs_store: S3ObjectStore) -> S3ObjectStore:
    make_bucket(seaweedfs.client(), seaweedfs_store.bucket, [SITE])
    return seaweedfs_store


def doctor(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["doctor", *arguments], env={"COLUMNS": "80"})


def examine(store: ObjectStore | None, origin: str = SITE, **settings: Any) -> dict[str, Any]:
    """What the doctor says of a service over this bucket, by check; and its exit code."""
    services = make_services({"cors_origins": (SITE,), **settings}, store=store)
    services.model.start()
    with serving(services) as url:
        answer = doctor("--api", url, "--origin", origin, "--json")
    found = {each["check"]: each for each in json.loads(answer.stdout)}
    assert answer.exit_code == any(each["level"] == "red" for each in found.values())
    return found


def levels(found: dict[str, Any], level: str) -> list[str]:
    return [name for name, each in found.items() if each["level"] == level]


def test_a_service_in_order_is_green_and_left_as_it_was(store: S3ObjectStore) -> None:
    found = examine(store)
    assert levels(found, "green") == [
        "Alive",
        "Ready",
        "Clock",
        "Upload form",
        "Upload",
        "CORS, API",
        "CORS, bucket",
        "Detection",
        "Links",
        "Deletion",
    ]
    assert list(store.list_objects("")) == []


def test_where_nobody_answers_only_that_is_red() -> None:
    answer = doctor("--api", "http://127.0.0.1:9", "--json")
    found = {each["check"]: each for each in json.loads(answer.stdout)}
    assert (answer.exit_code, levels(found, "red")) == (1, ["Alive"])
    assert "Is the URL right?" in found["Alive"]["cure"]


def test_a_service_whose_model_cannot_be_used_is_red_and_says_why(
    store: S3ObjectStore, tmp_path: Path
) -> None:
    found = examine(store, model=str(tmp_path))
    assert levels(found, "red") == ["Ready", "Detection"]
    assert "has neither a manifest.json nor a version" in found["Ready"]["says"]


def test_a_service_without_a_bucket_is_red() -> None:
    found = examine(None)
    assert levels(found, "red") == ["Upload form"]
    assert "MASKDROP_BUCKET" in found["Upload form"]["cure"]
    assert found["Detection"]["says"] == "Nothing was uploaded."


def test_a_bucket_that_refuses_the_upload_is_red(seaweedfs: LocalS3, store: S3ObjectStore) -> None:
    seaweedfs.client().delete_bucket(Bucket=store.bucket)
    found = examine(store)
    assert "Upload" in levels(found, "red")
    assert "s3:PutObject on uploads/*" in found["Upload"]["cure"]


def test_a_site_that_neither_allows_is_red_twice(store: S3ObjectStore) -> None:
    found = examine(store, origin="https://other.example")
    assert levels(found, "red") == ["CORS, API", "CORS, bucket"]
    assert "MASKDROP_CORS_ORIGINS" in found["CORS, API"]["cure"]


class Undeletable(S3ObjectStore):
    """A bucket whose policy refuses deletions; SeaweedFS asks none for several at once."""

    def delete(self, keys: Iterable[str]) -> None:
        raise AccessDenied("Cannot delete: the bucket refuses.")


def test_a_role_that_may_not_delete_is_red(seaweedfs: LocalS3, store: S3ObjectStore) -> None:
    found = examine(Undeletable(store.bucket, seaweedfs.client()))
    assert levels(found, "red") == ["Deletion"]
    assert "s3:DeleteObject" in found["Deletion"]["cure"]


class Unreadable(S3ObjectStore):
    """A bucket that signs links for a role which may not read."""

    def presign_get(self, key: str, *, expires_in: int) -> str:
        return super().presign_get(key, expires_in=expires_in).replace("Signature=", "Signature=0")


def test_links_that_lead_nowhere_are_red(seaweedfs: LocalS3, store: S3ObjectStore) -> None:
    found = examine(Unreadable(store.bucket, seaweedfs.client()))
    assert levels(found, "red") == ["Links"]
    assert "s3:GetObject on results/*" in found["Links"]["cure"]


def test_the_report_fits_a_terminal_of_eighty_columns(store: S3ObjectStore) -> None:
    with serving(make_services({"cors_origins": (SITE,)}, store=store)) as url:
        answer = doctor("--api", url, "--origin", "https://other.example")
    lines = answer.stdout.splitlines()
    assert max(map(len, lines)) <= 80
    assert lines[-1] == "8 green, 2 red, 0 cannot be checked from here."
    assert any(line.strip().startswith("→ Put https://other.example into") for line in lines)


def test_a_stack_and_an_api_are_not_examined_together() -> None:
    answer = doctor("--api", "http://127.0.0.1:9", "--stack", "maskdrop")
    assert answer.exit_code == 1
    assert "Use --stack or --api, not both." in answer.stderr
