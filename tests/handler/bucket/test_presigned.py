"""What a presigned form or link lets through, as a real S3 server judges it."""

from __future__ import annotations

import base64
import json
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests

from handler.bucket.objects import PresignedPost
from handler.bucket.s3 import S3ObjectStore, s3_client
from handler.errors import AccessDenied, ObjectNotFound, StorageError, StorageUnavailable
from handler.local.seaweedfs import LocalS3, make_bucket

JPEG = "image/jpeg"
KEY = "uploads/1/cat.jpg"
LIMIT = 1000

KEYS = {"access_key_id": "AKIDEXAMPLE", "secret_access_key": "secret"}


@pytest.fixture
def store(seaweedfs_store: S3ObjectStore) -> S3ObjectStore:
    return seaweedfs_store


def form_for(store: S3ObjectStore, key: str = KEY, expires_in: int = 60) -> PresignedPost:
    return store.presign_post(key, content_type=JPEG, max_bytes=LIMIT, expires_in=expires_in)


def post(form: PresignedPost, body: bytes = b"jpeg", **changes: str) -> int:
    """Send the form as a browser does; the status."""
    fields = form.fields | changes
    return requests.post(form.url, data=fields, files={"file": body}, timeout=10).status_code


def test_a_form_uploads_the_file_it_was_made_for(store: S3ObjectStore) -> None:
    assert post(form_for(store), b"jpeg") == 204
    assert store.get(KEY).body == b"jpeg"


@pytest.mark.parametrize(
    "name",
    [
        "with space.jpg",
        "a+b.jpg",
        "a%2Bb.jpg",
        "été 日本 🐈.jpg",
        "quote\"'&<>.jpg",
        # 1,024 bytes with what stands before it.
        "/".join(["long" + "é" * 98] * 4 + ["x" * 210]),
    ],
)
def test_a_form_and_a_link_serve_any_key(store: S3ObjectStore, name: str) -> None:
    key = f"uploads/1/{name}"
    assert len(key.encode()) <= 1024
    assert post(form_for(store, key), b"jpeg") == 204
    assert requests.get(store.presign_get(key, expires_in=60), timeout=10).content == b"jpeg"


def test_a_file_of_the_largest_size_passes_and_one_byte_more_does_not(
    store: S3ObjectStore,
) -> None:
    assert post(form_for(store), b"x" * LIMIT) == 204
    assert post(form_for(store, "uploads/1/large.jpg"), b"x" * (LIMIT + 1)) == 400
    with pytest.raises(ObjectNotFound):
        store.head("uploads/1/large.jpg")


def test_an_empty_file_is_refused(store: S3ObjectStore) -> None:
    assert post(form_for(store), b"") == 400


@pytest.mark.parametrize(
    "change",
    [
        {"Content-Type": "image/png"},
        {"Content-Type": "text/html"},
        {"key": "uploads/1/dog.jpg"},
        {"key": "inbox/cat.jpg"},
        {"x-amz-signature": "0" * 64},
        {"x-amz-credential": "somebody/20261122/us-east-1/s3/aws4_request"},
    ],
)
def test_a_form_with_another_value_is_refused(store: S3ObjectStore, change: dict[str, str]) -> None:
    assert post(form_for(store), **change) == 403
    assert list(store.list_objects("")) == []


def test_a_form_with_a_widened_policy_is_refused(store: S3ObjectStore) -> None:
    form = form_for(store)
    policy = json.loads(base64.b64decode(form.fields["policy"]))
    policy["conditions"][1][2] = 10 * LIMIT
    widened = base64.b64encode(json.dumps(policy).encode()).decode()
    assert post(form, b"x" * 2 * LIMIT, policy=widened) == 403


def test_expired_forms_and_links_are_refused(store: S3ObjectStore) -> None:
    store.put("uploads/1/there.jpg", b"jpeg", content_type=JPEG)
    form = form_for(store, expires_in=1)
    link = store.presign_get("uploads/1/there.jpg", expires_in=1)
    time.sleep(2.1)
    assert post(form) == 403
    assert requests.get(link, timeout=10).status_code == 403


def test_a_link_serves_the_object_with_its_type(store: S3ObjectStore) -> None:
    store.put("results/1/labels.png", b"png", content_type="image/png")
    answer = requests.get(store.presign_get("results/1/labels.png", expires_in=60), timeout=10)
    assert (answer.content, answer.headers["Content-Type"]) == (b"png", "image/png")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("labels.png", "overlay.jpg"),
        ("X-Amz-Expires=60", "X-Amz-Expires=6000"),
        ("X-Amz-Signature=", "X-Amz-Signature=0"),
    ],
)
def test_an_altered_link_is_refused(store: S3ObjectStore, old: str, new: str) -> None:
    store.put("results/1/labels.png", b"png", content_type="image/png")
    store.put("results/1/overlay.jpg", b"jpg", content_type=JPEG)
    link = store.presign_get("results/1/labels.png", expires_in=60)
    assert old in link
    assert requests.get(link.replace(old, new), timeout=10).status_code == 403


def test_a_link_only_reads(store: S3ObjectStore) -> None:
    link = store.presign_get("results/1/labels.png", expires_in=60)
    assert requests.put(link, data=b"other", timeout=10).status_code == 403
    assert requests.delete(link, timeout=10).status_code == 403


def test_without_a_signature_nothing_is_served(seaweedfs: LocalS3, store: S3ObjectStore) -> None:
    store.put("results/1/labels.png", b"png", content_type="image/png")
    url = f"{seaweedfs.endpoint_url}/{store.bucket}/results/1/labels.png"
    assert requests.get(url, timeout=10).status_code == 403


def test_a_wrong_secret_is_access_denied(seaweedfs: LocalS3, store: S3ObjectStore) -> None:
    client = s3_client(
        "us-east-1",
        endpoint_url=seaweedfs.endpoint_url,
        access_key_id=seaweedfs.access_key_id,
        secret_access_key="0" * 40,
    )
    with pytest.raises(AccessDenied, match=f"^Cannot read s3://{store.bucket}/a: the bucket"):
        S3ObjectStore(store.bucket, client).get("a")


def test_a_server_that_is_gone_is_unavailable() -> None:
    client = s3_client("us-east-1", endpoint_url="http://127.0.0.1:9", **KEYS)
    with pytest.raises(StorageUnavailable, match=r"^Cannot read s3://b/a: EndpointConnection"):
        S3ObjectStore("b", client).get("a")


SITE = "https://site.example"


@pytest.fixture
def open_to_site(seaweedfs: LocalS3, store: S3ObjectStore) -> S3ObjectStore:
    make_bucket(seaweedfs.client(), store.bucket, [SITE])
    return store


@pytest.mark.parametrize(("origin", "allowed"), [(SITE, SITE), ("https://other.example", None)])
def test_only_the_sites_pages_may_see_answers(
    open_to_site: S3ObjectStore, origin: str, allowed: str | None
) -> None:
    open_to_site.put("a.png", b"png", content_type="image/png")
    link = open_to_site.presign_get("a.png", expires_in=60)
    read = requests.get(link, headers={"Origin": origin}, timeout=10)
    form = form_for(open_to_site)
    sent = requests.post(
        form.url, form.fields, files={"file": b"x"}, headers={"Origin": origin}, timeout=10
    )
    assert read.headers.get("Access-Control-Allow-Origin") == allowed
    assert sent.headers.get("Access-Control-Allow-Origin") == allowed


def test_the_site_may_ask_to_read_and_upload_but_not_to_delete(
    seaweedfs: LocalS3, open_to_site: S3ObjectStore
) -> None:
    url = f"{seaweedfs.endpoint_url}/{open_to_site.bucket}/a.png"
    asked = {"Origin": SITE, "Access-Control-Request-Method": "POST"}
    answer = requests.options(url, headers=asked, timeout=10)
    assert answer.headers["Access-Control-Allow-Methods"] == "GET, HEAD, POST"


# What follows needs no server: SeaweedFS lets form fields pass that the policy does not
# name, which Amazon S3 refuses, so the policy itself is looked at.


def policy_of(form: PresignedPost) -> dict[str, Any]:
    policy: dict[str, Any] = json.loads(base64.b64decode(form.fields["policy"]))
    return policy


@pytest.fixture
def amazon() -> S3ObjectStore:
    return S3ObjectStore("my-bucket", s3_client("eu-west-1", **KEYS))


def test_the_policy_names_every_field_and_nothing_else(amazon: S3ObjectStore) -> None:
    form = form_for(amazon)
    conditions = policy_of(form)["conditions"]
    exact = {
        name: value for each in conditions if isinstance(each, dict) for name, value in each.items()
    }
    signed = {
        name: value
        for name, value in form.fields.items()
        if name not in ("policy", "x-amz-signature")
    }
    assert exact == signed | {"bucket": "my-bucket"}
    assert [each for each in conditions if isinstance(each, list)] == [
        ["content-length-range", 1, LIMIT]
    ]


def test_the_policy_names_key_and_type_exactly(amazon: S3ObjectStore) -> None:
    conditions = policy_of(form_for(amazon))["conditions"]
    assert {"key": KEY} in conditions
    assert {"Content-Type": JPEG} in conditions


def test_the_policy_ends_when_it_should(amazon: S3ObjectStore) -> None:
    form = form_for(amazon, expires_in=900)
    left = datetime.fromisoformat(policy_of(form)["expiration"]) - datetime.now(UTC)
    assert timedelta(seconds=890) < left <= timedelta(seconds=900)


@pytest.mark.parametrize("name", ["${filename}", "a${filename}b.jpg"])
def test_a_key_that_s3_would_complete_is_not_signed(amazon: S3ObjectStore, name: str) -> None:
    with pytest.raises(StorageError, match=r"cannot be signed: it holds \$\{filename\}\."):
        form_for(amazon, f"uploads/1/{name}")


def test_amazons_links_name_bucket_and_region_in_the_host(amazon: S3ObjectStore) -> None:
    host = "https://my-bucket.s3.eu-west-1.amazonaws.com/"
    assert form_for(amazon).url == host
    assert amazon.presign_get("a b+c", expires_in=60).startswith(f"{host}a%20b%2Bc?")


def test_links_may_name_another_server_than_ours() -> None:
    inside = s3_client("us-east-1", endpoint_url="http://s3.internal:8333", **KEYS)
    outside = s3_client("us-east-1", endpoint_url="https://files.example", **KEYS)
    store = S3ObjectStore("b", inside, outside)
    assert form_for(store).url == "https://files.example/b"
    assert store.presign_get("k", expires_in=60).startswith("https://files.example/b/k?")
