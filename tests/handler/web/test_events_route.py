"""What a pushed event of Google Cloud Storage leaves in the bucket, and how it is answered."""

import base64
import json

import pytest
from events import load_event
from google_storage import ACCESS_KEY_ID, SECRET, google_storage
from memory_store import MemoryObjectStore
from service import make_client, squares

from handler.bucket.gcs import GoogleObjectStore, google_client
from handler.bucket.keys import latest_key
from handler.errors import StorageUnavailable
from handler.jobs.push import MAX_ATTEMPTS

BUCKET = "maskdrop-example"
KEY = "inbox/cat.jpg"
STRUCTURED = {"content-type": "application/cloudevents+json; charset=utf-8"}


@pytest.fixture
def store():
    return MemoryObjectStore(BUCKET)


def client_of(store):
    return make_client({"events": True}, store=store)


def put(store, key=KEY, data=None):
    return store.put(key, squares("red") if data is None else data, content_type="image/jpeg")


def latest(store, key=KEY):
    return json.loads(store.get(latest_key(key)).body)


def keys(store, prefix="results/"):
    return [each.key for each in store.list_objects(prefix)]


def finalized(key=KEY, bucket=BUCKET, generation=1795253415123456, attempt=1):
    """Pub/Sub's push for an object."""
    event = load_event("pubsub_finalize") | {"deliveryAttempt": attempt}
    event["message"]["attributes"] |= {
        "bucketId": bucket,
        "objectId": key,
        "objectGeneration": str(generation),
    }
    return event


def push(store, event, headers=None):
    """Deliver an event; answers the status."""
    return client_of(store).post("/events", json=event, headers=headers).status_code


def test_message_of_pubsub_gets_its_result(store):
    put(store)
    assert push(store, load_event("pubsub_finalize")) == 204
    assert latest(store)["detections"][0]["class_name"] == "person"
    assert latest(store)["source"]["sequencer"] == "1795253415123456"


def test_cloud_event_in_headers_is_the_same(store):
    put(store)
    event = load_event("eventarc_binary")
    assert push(store, event["body"], event["headers"]) == 204
    assert latest(store)["status"] == "succeeded"


def test_cloud_event_in_the_body_is_the_same(store):
    put(store)
    assert push(store, load_event("eventarc_structured"), STRUCTURED) == 204
    assert latest(store)["status"] == "succeeded"


def test_data_of_the_samples_is_what_their_attributes_say():
    message = load_event("pubsub_finalize")["message"]
    resource = json.loads(base64.b64decode(message["data"]))
    assert resource["name"] == message["attributes"]["objectId"]
    assert resource == load_event("eventarc_binary")["body"]
    assert resource == load_event("eventarc_structured")["data"]


def test_event_that_comes_twice_makes_one_result(store):
    put(store)
    push(store, finalized())
    first = {key: store.head(key).etag for key in keys(store)}
    assert push(store, finalized(attempt=2)) == 204
    assert {key: store.head(key).etag for key in keys(store)} == first


def test_older_event_never_replaces_what_a_newer_one_published(store):
    put(store)
    push(store, finalized(generation=20))
    put(store, data=squares("blue"))
    # Nine is older than twenty, though its digit is the higher one.
    push(store, finalized(generation=9))
    assert latest(store)["source"]["sequencer"] == "20"


def test_key_is_taken_as_it_is(store):
    key = "inbox/a+b %2F ü.jpg"
    put(store, key)
    assert push(store, finalized(key)) == 204
    assert latest(store, key)["status"] == "succeeded"


@pytest.mark.parametrize(
    "event",
    [
        finalized("results/x/overlay.jpg"),
        finalized("uploads/x/cat.jpg"),
        finalized("inbox/folder/"),
        finalized(bucket="elsewhere"),
        finalized("inbox/gone.jpg"),
        load_event("pubsub_delete"),
    ],
)
def test_what_is_not_ours_or_gone_is_acknowledged_and_ignored(store, event):
    for key in (KEY, "results/x/overlay.jpg", "uploads/x/cat.jpg", "inbox/folder/"):
        put(store, key)
    before = keys(store, "")
    assert push(store, event) == 204
    assert keys(store, "") == before


def test_cloud_event_of_another_kind_is_ignored(store):
    put(store)
    event = load_event("eventarc_structured") | {
        "type": "google.cloud.storage.object.v1.deleted",
    }
    assert push(store, event, STRUCTURED) == 204
    assert keys(store) == []


def test_bad_photograph_is_acknowledged_and_says_why(store):
    put(store, data=b"no photograph")
    assert push(store, finalized()) == 204
    assert latest(store)["failure"]["type"] == "urn:maskdrop:problem:unsupported-image"


class BrokenStore(MemoryObjectStore):
    """A bucket that fails when the photograph is read, for a reason of its own."""

    reason: Exception = StorageUnavailable("The store says SlowDown.")

    def get(self, key, **conditions):
        if key == KEY:
            raise self.reason
        return super().get(key, **conditions)


def test_bucket_that_is_down_is_tried_again_for_ever():
    store = BrokenStore(BUCKET)
    put(store)
    assert push(store, finalized(attempt=1)) == 503
    assert push(store, finalized(attempt=MAX_ATTEMPTS + 1)) == 503


def test_what_nobody_foresaw_is_given_up_after_some_attempts():
    store = BrokenStore(BUCKET)
    store.reason = ZeroDivisionError("hunter2")
    put(store)
    assert push(store, finalized(attempt=MAX_ATTEMPTS - 1)) == 500
    assert push(store, finalized(attempt=MAX_ATTEMPTS)) == 204
    assert latest(store)["status"] == "failed"


@pytest.mark.parametrize(
    ("event", "words"),
    [
        ([], "no object"),
        ({}, "neither a CloudEvent nor a message"),
        ({"message": {"attributes": {"eventType": "OBJECT_FINALIZE"}}}, "bucketId"),
        (finalized(generation="1e5"), "'1e5', not a number"),
    ],
)
def test_event_that_makes_no_sense_is_refused(store, event, words):
    answer = client_of(store).post("/events", json=event)
    assert answer.status_code == 422
    assert words in answer.json()["detail"]


def test_body_that_is_no_json_is_refused(store):
    assert client_of(store).post("/events", content=b"{").status_code == 422


def test_route_is_there_only_where_it_is_asked_for(store):
    assert make_client(store=store).post("/events", json=finalized()).status_code == 404


def test_on_a_real_s3_server(seaweedfs_store):
    put(seaweedfs_store)
    event = finalized(bucket=seaweedfs_store.bucket)
    assert push(seaweedfs_store, event) == 204
    assert latest(seaweedfs_store)["status"] == "succeeded"


def test_on_google_cloud_storage():
    with google_storage() as url:
        keys = {"access_key_id": ACCESS_KEY_ID, "secret_access_key": SECRET}
        store = GoogleObjectStore(BUCKET, google_client("auto", endpoint_url=url, **keys))
        generation = put(store).etag
        event = finalized(generation=generation)
        assert [push(store, event), push(store, event)] == [204, 204]
        source = latest(store)["source"]
        assert (source["etag"], source["sequencer"]) == (generation, generation)
