"""What each event of tests/events, and each failure on the way, leaves in the bucket."""

import copy
import json
import logging
from urllib.parse import unquote_plus

import pytest
from events import load_event
from memory_store import MemoryObjectStore
from service import ListQueue, make_client, make_services, squares

from handler.bucket.keys import latest_key
from handler.bucket.result_store import ResultStore
from handler.errors import StorageUnavailable, UnsupportedImage
from handler.jobs.worker import Worker

BUCKET = "maskdrop-example"
KEY = "inbox/cat.jpg"


@pytest.fixture
def store():
    return MemoryObjectStore(BUCKET)


@pytest.fixture
def services(store):
    return make_services(store=store)


@pytest.fixture
def handle(services):
    """Handle an event with time enough; answers the failed messages' ids."""
    return handler_of(services)


def handler_of(services, seconds_left=lambda: 60.0, seconds_needed=8.0):
    worker = Worker(services.stored, BUCKET, seconds_needed)

    def handle(event):
        answer = worker.handle(event, seconds_left)
        return [each["itemIdentifier"] for each in answer["batchItemFailures"]]

    return handle


def put(store, key=KEY, data=None):
    """Put a photograph into the bucket; answers its etag."""
    data = squares("red", "green") if data is None else data
    return store.put(key, data, content_type="image/jpeg").etag


def created(etag, key=KEY, sequencer="0068A1F2C3D4E5F601"):
    """S3's event for an object."""
    event = load_event("s3_put")
    event["Records"][0]["s3"]["object"] |= {"key": key, "eTag": etag, "sequencer": sequencer}
    return event


def messages(*bodies):
    """The event of SQS around bodies; the first message's id is 0."""
    (record,) = load_event("sqs_s3_put")["Records"]
    records = [copy.deepcopy(record) for _ in bodies]
    for index, (each, body) in enumerate(zip(records, bodies, strict=True)):
        each |= {"messageId": str(index), "body": json.dumps(body)}
    return {"Records": records}


def latest(store, key=KEY):
    return json.loads(store.get(latest_key(key)).body)


def keys(store, prefix="results/"):
    return [each.key for each in store.list_objects(prefix)]


def test_object_in_the_inbox_gets_its_result(handle, store):
    assert handle(messages(created(put(store)))) == []
    assert [each["class_name"] for each in latest(store)["detections"]] == ["person", "cat"]
    assert f"results/{latest(store)['id']}/manifest.json" in keys(store)


def test_event_that_s3_sends_directly_is_the_same(handle, store):
    assert handle(created(put(store))) == []
    assert latest(store)["status"] == "succeeded"


def test_event_that_comes_twice_makes_one_result(handle, store):
    event = messages(created(put(store)))
    handle(event)
    first = {key: store.head(key).etag for key in keys(store)}
    handle(event)
    assert {key: store.head(key).etag for key in keys(store)} == first


def test_broken_photograph_fails_alone_and_says_why(handle, store):
    good, bad = put(store), put(store, "inbox/bad.jpg", b"no photograph")
    assert handle(messages(created(bad, "inbox/bad.jpg"), created(good))) == ["0"]
    assert latest(store)["status"] == "succeeded"
    failed = latest(store, "inbox/bad.jpg")
    assert failed["status"] == "failed"
    assert failed["failure"]["type"] == "urn:maskdrop:problem:unsupported-image"


def test_broken_photograph_that_s3_sends_directly_raises_after_the_others(handle, store):
    event = created(put(store, "inbox/bad.jpg", b"no photograph"), "inbox/bad.jpg")
    event["Records"] += created(put(store))["Records"]
    with pytest.raises(UnsupportedImage):
        handle(event)
    assert latest(store)["status"] == "succeeded"


def test_status_moves_through_the_stages(store):
    states = []

    class WatchedStore(MemoryObjectStore):
        def put(self, key, body, **conditions):
            if key.endswith("status.json"):
                states.append(json.loads(body)["state"])
            return super().put(key, body, **conditions)

    watched = WatchedStore(BUCKET)
    handler_of(make_services(store=watched))(messages(created(put(watched))))
    assert states == ["starting", "decoding", "inferring", "writing", "succeeded"]


@pytest.mark.parametrize("name", ["s3_test_event", "sqs_s3_test_event", "s3_delete"])
def test_what_makes_no_object_is_ignored(handle, store, name):
    assert handle(load_event(name)) == []
    assert keys(store, "") == []


@pytest.mark.parametrize("record", load_event("s3_not_for_us")["Records"])
def test_what_is_not_ours_is_ignored(handle, store, record):
    assert handle({"Records": [record]}) == []
    assert keys(store, "") == []


def test_messages_that_make_no_sense_fail(handle):
    assert handle(load_event("sqs_broken")) != []
    assert handle(messages({"kind": "maskdrop:detection", "key": KEY})) == ["0"]


@pytest.mark.parametrize("record", load_event("s3_quoted_keys")["Records"])
def test_keys_are_unquoted_once(handle, store, record):
    handle({"Records": [record]})
    assert keys(store, "") == []
    plain = unquote_plus(record["s3"]["object"]["key"])
    record["s3"]["object"]["eTag"] = put(store, plain)
    handle({"Records": [record]})
    assert latest(store, plain)["source"]["key"] == plain


def test_object_deleted_before_it_is_read_is_nobodys_failure(handle, store):
    etag = put(store)
    store.delete([KEY])
    assert handle(messages(created(etag))) == []
    assert keys(store, "") == []


def test_object_replaced_before_it_is_read_waits_for_its_own_event(handle, store):
    old = put(store, data=squares("blue"))
    new = put(store)
    assert handle(messages(created(old, sequencer="01"))) == []
    assert keys(store) == []
    handle(messages(created(new, sequencer="02")))
    assert latest(store)["detections"][0]["class_name"] == "person"


def test_older_event_never_replaces_what_a_newer_one_published(handle, store):
    first, second = squares("blue"), squares("red")
    newer = created(put(store, data=second), sequencer="0A")
    handle(newer)
    older = created(put(store, data=first), sequencer="09")
    handle(older)
    assert latest(store)["detections"][0]["class_name"] == "person"


def test_messages_without_time_left_come_back_but_the_first_is_tried(store):
    other = "inbox/dog.jpg"
    event = messages(created(put(store)), created(put(store, other), other))
    handle = handler_of(make_services(store=store), seconds_left=lambda: 3.0)
    assert handle(event) == ["1"]
    assert latest(store)["status"] == "succeeded"


class FlakyStore(MemoryObjectStore):
    """A bucket that loses `losses` writes of the manifest, as in a crash just before it."""

    losses = 1

    def put(self, key, body, **conditions):
        if key.endswith("/manifest.json") and self.losses:
            self.losses -= 1
            raise StorageUnavailable(f"Cannot write {key}: the store says SlowDown.")
        return super().put(key, body, **conditions)


def test_retry_after_a_crash_completes():
    store = FlakyStore(BUCKET)
    handle = handler_of(make_services(store=store))
    event = messages(created(put(store)))
    assert handle(event) == ["0"]
    assert handle(event) == []
    assert latest(store)["status"] == "succeeded"


def test_bucket_that_is_down_fails_the_message_and_leaves_no_manifest():
    store = FlakyStore(BUCKET)
    store.losses = 100
    assert handler_of(make_services(store=store))(messages(created(put(store)))) == ["0"]
    assert [key for key in keys(store, "") if key.endswith("manifest.json")] == []


def test_what_nobody_foresaw_is_logged_and_recorded_without_its_words(store, caplog):
    class BuggyStore(MemoryObjectStore):
        def get(self, key, **conditions):
            if key == KEY:
                raise ZeroDivisionError("hunter2")
            return super().get(key, **conditions)

    store = BuggyStore(BUCKET)
    assert handler_of(make_services(store=store))(messages(created(put(store)))) == ["0"]
    assert "hunter2" not in json.dumps(latest(store))
    assert "hunter2" in caplog.text


def test_log_names_the_failed_message_and_why(handle, store, caplog):
    caplog.set_level(logging.WARNING, "handler")
    handle(messages(created(put(store, data=b"GIF89a"))))
    assert caplog.messages == [
        "message 0: This is a GIF; JPEG, PNG, WebP, AVIF and HEIC are accepted."
    ]


def queued_job(store, **options):
    """Queue a detection through the API; answers the client, its location and the job."""
    queue = ListQueue()
    client = make_client({"open_inbox": True}, store=store, queue=queue)
    headers = {"Prefer": "respond-async"}
    wanted = {"key": KEY, "options": options}
    answer = client.post("/v1/detections", json=wanted, headers=headers)
    return client, answer.headers["Location"], json.loads(queue.jobs[0].model_dump_json())


def test_job_ends_in_the_result_that_was_promised(handle, store):
    put(store)
    client, location, job = queued_job(store, max_detections=1, outputs=["rle"])
    assert handle(messages(job)) == []
    report = client.get(location).json()
    assert report["state"] == "succeeded"
    assert report["manifest"]["outputs"] == ["rle.json"]


def test_job_of_a_broken_photograph_fails_and_says_why(handle, store):
    put(store, data=b"no photograph")
    client, location, job = queued_job(store)
    assert handle(messages(job)) == ["0"]
    report = client.get(location).json()
    assert report["state"] == "failed"
    assert report["failure"]["type"] == "urn:maskdrop:problem:unsupported-image"


def test_job_whose_object_is_gone_fails_once(handle, store):
    put(store)
    client, location, job = queued_job(store)
    store.delete([KEY])
    assert handle(messages(job)) == []
    assert client.get(location).json()["failure"]["type"].endswith(":object-not-found")


def test_job_of_a_deleted_detection_is_dropped(handle, store):
    put(store)
    client, location, job = queued_job(store)
    client.delete(location)
    assert handle(messages(job)) == []
    assert keys(store) == []


class DeletedMeanwhile(MemoryObjectStore):
    """A bucket in which somebody deletes the detection just when a file of this name is written."""

    def __init__(self, name):
        super().__init__(BUCKET)
        self._names = [name]

    def put(self, key, body, **conditions):
        info = super().put(key, body, **conditions)
        _, _, path = key.partition("/")
        identity, _, name = path.partition("/")
        if name in self._names:
            self._names.clear()
            ResultStore(self).delete(identity)
        return info


@pytest.mark.parametrize("name", ["instances/000-person.png", "overlay.jpg", "manifest.json"])
def test_detection_that_is_deleted_while_it_runs_stays_deleted(name):
    store = DeletedMeanwhile(name)
    put(store)
    _, _, job = queued_job(store)
    assert handler_of(make_services(store=store))(messages(job)) == []
    assert keys(store) == []
