"""Conditional writes where S3's conditions are ignored: Google Cloud Storage's XML API."""

import pytest
from google_storage import ACCESS_KEY_ID, SECRET, google_storage

from handler.bucket.gcs import GoogleObjectStore, google_client
from handler.bucket.s3 import S3ObjectStore, s3_client
from handler.errors import AccessDenied, ObjectNotFound, PreconditionFailed

KEY = "results/a b/ü+.json"


@pytest.fixture(scope="module")
def url():
    with google_storage() as url:
        yield url


def open_bucket(url, secret=SECRET):
    keys = {"access_key_id": ACCESS_KEY_ID, "secret_access_key": secret}
    return GoogleObjectStore("photos", google_client("auto", endpoint_url=url, **keys))


@pytest.fixture
def store(url):
    opened = open_bucket(url)
    opened.delete([KEY])
    return opened


def put(store, body, **conditions):
    return store.put(KEY, body, content_type="application/json", **conditions)


def test_object_is_known_by_its_generation(store):
    first = put(store, b"same")
    second = put(store, b"same")
    assert int(second.etag) > int(first.etag)
    assert store.head(KEY) == store.get(KEY).info == second


def test_key_that_is_taken_is_not_written_over(store):
    put(store, b"first", if_none_match="*")
    with pytest.raises(PreconditionFailed):
        put(store, b"second", if_none_match="*")
    assert store.get(KEY).body == b"first"


def test_only_the_generation_that_was_read_is_replaced(store):
    read = put(store, b"first")
    put(store, b"second", if_match=read.etag)
    with pytest.raises(PreconditionFailed):
        put(store, b"third", if_match=read.etag)
    assert store.get(KEY).body == b"second"


def test_what_was_deleted_is_gone(store):
    put(store, b"first")
    store.delete([KEY, "results/never"])
    with pytest.raises(ObjectNotFound):
        store.head(KEY)


def test_wrong_secret_is_refused(url):
    with pytest.raises(AccessDenied):
        put(open_bucket(url, "wrong"), b"any", if_none_match="*")


def test_links_are_signed_in_s3s_words(store):
    assert "X-Amz-Signature=" in store.presign_get(KEY, expires_in=60)
    form = store.presign_post(KEY, content_type="image/png", max_bytes=9, expires_in=60)
    assert form.fields["x-amz-algorithm"] == "AWS4-HMAC-SHA256"


def test_s3s_own_words_would_lose_the_first_writer(url):
    """Why there is a store of its own: the condition is ignored, without an error."""
    client = s3_client(
        "auto", endpoint_url=url, access_key_id=ACCESS_KEY_ID, secret_access_key=SECRET
    )
    plain = S3ObjectStore("photos", client)
    put(plain, b"first")
    put(plain, b"second", if_none_match="*")
    assert plain.get(KEY).body == b"second"
