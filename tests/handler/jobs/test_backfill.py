"""What a batch of a backfill leaves in the bucket, and what the report makes of batches."""

import json

import pytest
from memory_store import MemoryObjectStore
from service import make_services, squares

from handler.bucket.keys import latest_key
from handler.errors import ObjectNotFound, StorageUnavailable
from handler.jobs.backfill import Backfill, FailedObject, Tally
from handler.jobs.backfill_report import read_report, write_report
from handler.schemas import Options

BUCKET = "maskdrop-example"
KEY = "album/cat.jpg"


@pytest.fixture
def store():
    return MemoryObjectStore(BUCKET)


def backfill_of(store):
    return Backfill(make_services(store=store).stored, store)


def put(store, key=KEY, data=None):
    store.put(key, squares("red") if data is None else data, content_type="image/jpeg")


def latest(store, key=KEY):
    return json.loads(store.get(latest_key(key)).body)


def test_photograph_gets_its_result_once(store):
    put(store)
    assert backfill_of(store).detect([KEY]) == Tally(done=1)
    assert latest(store)["detections"][0]["class_name"] == "person"
    assert backfill_of(store).detect([KEY]) == Tally(existing=1)


def test_bad_photograph_is_an_outcome_and_the_others_are_done(store):
    put(store)
    put(store, "album/notes.txt", b"no photograph")
    tally = backfill_of(store).detect(["album/notes.txt", KEY])
    assert (tally.done, [each.key for each in tally.failed]) == (1, ["album/notes.txt"])
    assert tally.failed[0].type == "urn:maskdrop:problem:unsupported-image"
    assert latest(store, "album/notes.txt")["status"] == "failed"


@pytest.mark.parametrize(
    "key", ["results/x/overlay.jpg", "latest/a.json", "backfill/x/report.json", "models/m/1/golden"]
)
def test_what_maskdrop_wrote_is_left_alone(store, key):
    put(store, key)
    assert backfill_of(store).detect([key]) == Tally(skipped=1)
    assert [each.key for each in store.list_objects("")] == [key]


def test_folders_and_what_is_gone_are_skipped(store):
    put(store, "album/", b"")
    assert backfill_of(store).detect(["album/", "album/gone.jpg"]) == Tally(skipped=2)


def test_what_an_event_published_stays(store):
    put(store)
    services = make_services(store=store)
    info = store.head(KEY)
    task = services.stored.task(info, Options())
    manifest = services.stored.detect_stored(task)
    services.stored.results.publish_latest(manifest, "0A")
    backfill_of(store).detect([KEY])
    assert latest(store)["source"]["sequencer"] == "0A"


class DownStore(MemoryObjectStore):
    """A bucket that takes no manifest."""

    def put(self, key, body, **conditions):
        if key.endswith("/manifest.json"):
            raise StorageUnavailable(f"Cannot write {key}: the store says SlowDown.")
        return super().put(key, body, **conditions)


def test_bucket_that_is_down_fails_the_batch_and_not_the_photograph():
    store = DownStore(BUCKET)
    put(store)
    with pytest.raises(StorageUnavailable):
        backfill_of(store).detect([KEY])
    with pytest.raises(ObjectNotFound):
        latest(store)


def write_batches(store, **batches):
    """Write what the ResultWriter would: a file of lines for each outcome, and its manifest."""
    files = {}
    for outcome, lines in batches.items():
        key = f"backfill/run/0f3c/{outcome}_0.json"
        store.put(key, "\n".join(map(json.dumps, lines)).encode(), content_type="any")
        files[outcome] = [{"Key": key, "Size": 1}]
    body = json.dumps({"ResultFiles": files}).encode()
    store.put("backfill/run/0f3c/manifest.json", body, content_type="any")


def unfinished(*keys, **why):
    """A batch that ended without an answer, as the ResultWriter writes it."""
    return {"Input": json.dumps({"Items": [{"Key": key} for key in keys]})} | why


def test_report_sums_up_every_batch(store):
    bad = {"key": "c.jpg", "type": "urn:maskdrop:problem:broken-image", "detail": "Truncated."}
    write_batches(
        store,
        SUCCEEDED=[{"done": 2, "failed": [bad]}, {"existing": 1, "skipped": 1}],
        FAILED=[unfinished("d.jpg", "e.jpg", Error="States.Timeout", Cause="x" * 1000)],
        PENDING=[unfinished("f.jpg")],
    )
    summary = write_report(store, run="run", prefix="album/")
    assert (summary.total, summary.done, summary.failed, summary.pending) == (8, 2, 3, 1)
    assert summary.failed_percentage == 37.5
    failures = read_report(store, "run").failures
    assert [each.key for each in failures] == ["c.jpg", "d.jpg", "e.jpg"]
    assert (failures[1].type, len(failures[1].detail)) == ("States.Timeout", 300)


def test_report_of_nothing_is_no_failure(store):
    write_batches(store)
    assert write_report(store, run="run", prefix="nowhere/").failed_percentage == 0


GIVEN_UP = FailedObject(key=KEY, type="States.Timeout", detail="900 s")


def test_what_was_given_up_with_its_batch_and_is_done_counts_as_existing(store):
    put(store)
    backfill_of(store).detect([KEY])
    before = store.get(latest_key(KEY)).body
    tally = Tally()
    backfill_of(store).settle(GIVEN_UP, tally)
    assert tally == Tally(existing=1)
    assert store.get(latest_key(KEY)).body == before


def test_what_was_given_up_with_its_batch_and_has_no_result_is_told_as_failed(store):
    put(store)
    tally = Tally()
    backfill_of(store).settle(GIVEN_UP, tally)
    assert [(each.key, each.type.rpartition(":")[2]) for each in tally.failed] == [
        (KEY, "detection-interrupted")
    ]
    told = latest(store)
    assert told["status"] == "failed"
    assert "States.Timeout. 900 s" in told["failure"]["detail"]


def test_what_was_given_up_and_is_gone_is_skipped(store):
    tally = Tally()
    backfill_of(store).settle(GIVEN_UP, tally)
    assert tally == Tally(skipped=1)
    assert list(store.list_objects("")) == []


def test_a_later_backfill_detects_what_was_given_up(store):
    put(store)
    backfill_of(store).settle(GIVEN_UP, Tally())
    assert backfill_of(store).detect([KEY]) == Tally(done=1)
    assert latest(store)["status"] == "succeeded"
