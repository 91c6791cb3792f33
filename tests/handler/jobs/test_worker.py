"""What each event of tests/events, and each failure on the way, leaves in the bucket."""

import contextlib
import copy
import json
import logging
from functools import partial
from urllib.parse import quote_plus, unquote_plus

import pytest
from events import load_event
from memory_store import MemoryObjectStore
from service import ListQueue, make_client, make_services, squares

from handler.bucket.keys import latest_key
from handler.bucket.progress import put_status
from handler.bucket.result_store import SILENT_AFTER, ResultStore
from handler.errors import AccessDenied, BadEvent, StorageUnavailable, UnsupportedImage
from handler.jobs.queue import MAX_RECEIVES
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


def handler_of(services, seconds_left=lambda: 60.0, seconds_needed=8.0, queue=None):
    worker = Worker(services.stored, BUCKET, seconds_needed, queue)

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


def messages(*bodies, receives=1):
    """The event of SQS around bodies; the first message's id is 0.

    `receives`: how often they were received; a list for each its own.
    """
    (record,) = load_event("sqs_s3_put")["Records"]
    counts = receives if isinstance(receives, list) else [receives] * len(bodies)
    records = [copy.deepcopy(record) for _ in bodies]
    for index, (each, body, count) in enumerate(zip(records, bodies, counts, strict=True)):
        each |= {
            "messageId": str(index),
            "receiptHandle": f"receipt-{index}",
            "body": json.dumps(body),
            "attributes": {"ApproximateReceiveCount": str(count)},
        }
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
    assert handle(messages({"kind": "maskdrop:detection", "key": KEY}, {})) == ["0", "1"]
    with pytest.raises(BadEvent, match="no event of S3"):
        handle({})


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

    losses = 3

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
    handle = handler_of(make_services(store=store))
    assert handle(messages(created(put(store)))) == ["0"]
    assert keys(store, "latest/") == []
    assert handle(messages(created(put(store)), receives=MAX_RECEIVES)) == ["0"]
    assert "hunter2" not in json.dumps(latest(store))
    assert "hunter2" in caplog.text


def test_log_names_the_failed_message_and_why(handle, store, caplog):
    caplog.set_level(logging.WARNING, "handler")
    handle(messages(created(put(store, data=b"GIF89a"))))
    (line,) = caplog.messages
    assert line.startswith("message 0 'inbox/cat.jpg': This is a GIF")


def test_newline_in_a_key_makes_no_line_of_its_own(handle, store, caplog):
    caplog.set_level(logging.WARNING, "handler")
    key = "inbox/a\n2026-11-28 ERROR all is lost.jpg"
    handle(messages(created(put(store, key, b"GIF89a"), quote_plus(key))))
    assert [line.count("\n") for line in caplog.messages] == [0]


def test_message_that_is_not_understood_is_named_with_its_cause(handle, caplog):
    handle(messages({"Type": "SubscriptionConfirmation"}))
    (line,) = caplog.messages
    assert line.startswith("message 0: The message is no event of S3 and no job: ")
    assert "SubscriptionConfirmation" in line


def queued_job(store, key=KEY, **options):
    """Queue a detection through the API; answers the client, its location and the job."""
    queue = ListQueue()
    client = make_client({"open_inbox": True}, store=store, queue=queue)
    headers = {"Prefer": "respond-async"}
    wanted = {"key": key, "options": options}
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


class BrokenStore(MemoryObjectStore):
    """A bucket that fails whatever `fails` says: calls with a key, given as (name, key)."""

    def __init__(self, fails, error):
        super().__init__(BUCKET)
        self.fails = fails
        self._error = error

    def _check(self, name, key):
        if self.fails(name, key):
            raise self._error

    def get(self, key, **conditions):
        self._check("get", key)
        return super().get(key, **conditions)

    def put(self, key, body, **conditions):
        self._check("put", key)
        return super().put(key, body, **conditions)


TRANSIENT = [
    StorageUnavailable("Cannot read: the store says SlowDown."),
    AccessDenied("Cannot read: the bucket refuses."),
]


@pytest.mark.parametrize("error", TRANSIENT)
def test_bucket_that_fails_for_a_while_fails_no_photograph(error):
    store = BrokenStore(lambda name, key: False, error)
    event = created(put(store))
    store.fails = lambda name, key: key == KEY
    handle = handler_of(make_services(store=store))
    assert handle(messages(event)) == ["0"]
    assert keys(store, "latest/") == []
    store.fails = lambda name, key: False
    assert handle(messages(event, receives=2)) == []
    assert latest(store)["status"] == "succeeded"


@pytest.mark.parametrize("error", TRANSIENT)
def test_bucket_that_fails_to_the_last_delivery_is_told(error):
    store = BrokenStore(lambda name, key: False, error)
    event = created(put(store))
    store.fails = lambda name, key: key == KEY
    handle = handler_of(make_services(store=store))
    assert handle(messages(event, receives=MAX_RECEIVES)) == ["0"]
    assert latest(store)["failure"]["detail"] == str(error)


def test_progress_that_cannot_be_written_fails_nothing():
    store = BrokenStore(lambda name, key: key.endswith("status.json"), TRANSIENT[0])
    handle = handler_of(make_services(store=store))
    assert handle(messages(created(put(store)))) == []
    assert latest(store)["status"] == "succeeded"


def test_progress_that_stops_being_written_fails_no_job():
    store = BrokenStore(lambda name, key: False, TRANSIENT[0])
    put(store)
    client, location, job = queued_job(store)
    store.fails = lambda name, key: (name, key.endswith("status.json")) == ("put", True)
    assert handler_of(make_services(store=store))(messages(job)) == []
    assert client.get(location).json()["state"] == "succeeded"


def test_messages_received_again_are_worked_off_alone(store):
    queue = ListQueue()
    handle = handler_of(make_services(store=store), queue=queue)
    names = ["new", "again", "once-more"]
    events = [created(put(store, f"inbox/{each}.jpg"), f"inbox/{each}.jpg") for each in names]
    assert handle(messages(*events, receives=[1, 2, 2])) == []
    assert [json.loads(body) for body, _ in queue.put_back_with] == [events[2]]
    assert [tries for _, tries in queue.put_back_with] == [1]
    assert queue.settled == ["receipt-0", "receipt-2"]
    assert keys(store, "latest/") == ["latest/inbox/again.jpg.json", "latest/inbox/new.jpg.json"]


class Killed(BaseException):
    """The process is no more."""


class KillingStore(MemoryObjectStore):
    """A bucket whose object `inbox/poison.jpg` kills whoever reads it."""

    def get(self, key, **conditions):
        if key == "inbox/poison.jpg":
            raise Killed
        return super().get(key, **conditions)


class Sqs:
    """SQS and Lambda's poller: batches of `size`, receives counted, and what kills counts too."""

    def __init__(self, bodies, size=4):
        self.waiting = [(json.dumps(body), 0, 0) for body in bodies]
        self.dead = []
        self._flight = {}
        self._size = size

    def put(self, job):
        raise AssertionError("No job is queued here.")

    def put_back(self, body, tries):
        self.waiting.append((body, 0, tries))

    def settle(self, receipt):
        self._flight.pop(receipt, None)

    def deliver(self, handle):
        """Deliver one batch."""
        batch, self.waiting = self.waiting[: self._size], self.waiting[self._size :]
        event = messages(*(json.loads(body) for body, _, _ in batch))
        for record, (body, receives, before) in zip(event["Records"], batch, strict=True):
            record["attributes"]["ApproximateReceiveCount"] = str(receives + 1)
            record["messageAttributes"] = {"MaskdropTries": {"stringValue": str(before)}}
            self._flight[record["receiptHandle"]] = (body, receives + 1, before)
        failed = {record["messageId"] for record in event["Records"]}
        with contextlib.suppress(Killed):
            failed = set(handle(event))
        for record in event["Records"]:
            message = self._flight.pop(record["receiptHandle"], None)
            if message and record["messageId"] in failed:
                (self.dead if message[1] == MAX_RECEIVES else self.waiting).append(message)


def test_message_that_kills_takes_no_other_along_and_is_told():
    store = KillingStore(BUCKET)
    names = ["a", "poison", "b", "c"]
    queue = Sqs([created(put(store, f"inbox/{x}.jpg"), f"inbox/{x}.jpg") for x in names])
    while queue.waiting:
        # A process anew each time.
        queue.deliver(handler_of(make_services(store=store), queue=queue))
    assert ["inbox/poison.jpg" in body for body, _, _ in queue.dead] == [True]
    states = {each: latest(store, f"inbox/{each}.jpg")["status"] for each in names}
    assert states == {"a": "succeeded", "poison": "failed", "b": "succeeded", "c": "succeeded"}
    failure = latest(store, "inbox/poison.jpg")["failure"]
    assert failure["type"] == "urn:maskdrop:problem:detection-interrupted"


def test_job_that_kills_is_told_as_failed_in_the_end(store):
    store = KillingStore(BUCKET)
    key = "inbox/poison.jpg"
    put(store, key)
    client, location, job = queued_job(store, key=key)
    queue = Sqs([job])
    while queue.waiting:
        queue.deliver(handler_of(make_services(store=store), queue=queue))
    # The status says `starting` until its silence says more.
    status = ResultStore(store).read_status(location.rpartition("/")[2])
    silent = status.model_copy(update={"updated_at": status.updated_at - SILENT_AFTER})
    put_status(store, silent)
    assert client.get(location).json()["state"] == "failed"


def test_messages_without_time_left_lose_no_delivery(store):
    keys_ = [f"inbox/{number}.jpg" for number in range(12)]
    queue = Sqs([created(put(store, key), key) for key in keys_])
    for _ in keys_:
        queue.deliver(handler_of(make_services(store=store), seconds_left=lambda: 3.0, queue=queue))
    assert (queue.waiting, queue.dead) == ([], [])
    assert {latest(store, key)["status"] for key in keys_} == {"succeeded"}


def test_queue_that_takes_nothing_back_still_gets_its_work_done(store):
    handle = handler_of(make_services(store=store), queue=ListQueue(refuses=True))
    names = ["inbox/a.jpg", "inbox/b.jpg"]
    events = [created(put(store, each), each) for each in names]
    assert handle(messages(*events, receives=2)) == []
    assert {latest(store, each)["status"] for each in names} == {"succeeded"}


def test_last_delivery_that_succeeds_leaves_no_failure(handle, store):
    assert handle(messages(created(put(store)), receives=MAX_RECEIVES)) == []
    assert latest(store)["status"] == "succeeded"
    assert [key for key in keys(store) if key.endswith("manifest.json")] != []


def test_last_delivery_of_an_object_that_is_gone_leaves_nothing(handle, store):
    etag = put(store)
    store.delete([KEY])
    assert handle(messages(created(etag), receives=MAX_RECEIVES)) == []
    assert keys(store, "") == []


def test_repeated_job_never_shows_an_old_failure_as_its_own(handle, store):
    put(store, data=b"no photograph")
    client, location, job = queued_job(store)
    handle(messages(job))
    assert client.get(location).json()["state"] == "failed"
    queued_job(store)
    assert client.get(location).json()["state"] == "queued"
    handle(messages(job))
    assert client.get(location).json()["state"] == "failed"


def test_repeated_job_that_no_queue_takes_leaves_the_first_one(handle, store):
    put(store)
    queue = ListQueue()
    client = make_client({"open_inbox": True}, store=store, queue=queue)
    ask = partial(
        client.post, "/v1/detections", json={"key": KEY}, headers={"Prefer": "respond-async"}
    )
    location = ask().headers["Location"]
    before = {key: store.get(key).body for key in keys(store, "")}
    queue.refuses = True
    assert ask().status_code == 503
    assert {key: store.get(key).body for key in keys(store, "")} == before
    handle(messages(queue.jobs[0].model_dump(mode="json")))
    assert client.get(location).json()["state"] == "succeeded"
