"""The owner's webhook hears of every result at least once, whatever the receiver does meanwhile."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import jsonschema_rs
import pytest
from memory_store import MemoryObjectStore
from service import make_client, make_services, squares
from waiting import wait_for
from webhook_receiver import SECRET, SECRET_BYTES, Receiver, webhook_receiver

from handler.bucket.keys import NOTICES
from handler.bucket.result_store import ResultStore
from handler.errors import DetectionInterrupted, StorageUnavailable, UnsupportedImage
from handler.jobs.attempt import Attempt
from handler.notifications import outbox as outbox_module
from handler.notifications.courier import Background, Inline
from handler.notifications.outbox import LIFETIME, Outbox, now
from handler.notifications.webhook import Outcome, Webhook
from handler.schemas import Notification, Options
from handler.wiring import Services

ROOT = Path(__file__).parents[3]
# Every pause between tries, so that a test need not wait for hours.
SOON = (timedelta(milliseconds=50),)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with webhook_receiver() as running:
        yield running


@pytest.fixture
def store() -> MemoryObjectStore:
    return MemoryObjectStore()


def settings(receiver: Receiver) -> dict[str, object]:
    return {
        "webhook_url": receiver.url,
        "webhook_secret": SECRET,
        "private_hosts": True,
        "bucket": "bucket",
    }


def services(receiver: Receiver, store: MemoryObjectStore) -> Services:
    return make_services(settings(receiver), store=store)


def webhook(receiver: Receiver, seconds: float = 1) -> Webhook:
    return Webhook(receiver.url, SECRET_BYTES, private=True, seconds=seconds)


def with_courier(made: Services, courier: Background | Inline) -> Services:
    """Services whose courier is this one, as the settings would have made it."""
    made.__dict__["courier"] = courier
    return made


def notices(store: MemoryObjectStore) -> list[str]:
    return [each.key for each in store.list_objects(NOTICES)]


def detect(made: Services, store: MemoryObjectStore, key: str = "inbox/a.png") -> str:
    """What a worker does with an object; answers the result's id."""
    task = made.stored.task(store.head(key), Options())
    with suppress(UnsupportedImage):
        Attempt(made.stored, task).run()
    return task.id


def test_a_result_is_told_through_the_api(receiver: Receiver, store: MemoryObjectStore) -> None:
    store.put("uploads/x/cat.png", squares("red", "green", "red"), content_type="image/png")
    with make_client(settings(receiver), store=store) as client:
        answer = client.post("/v1/detections", json={"key": "uploads/x/cat.png"}).json()
        wait_for(lambda: receiver.messages)
        wait_for(lambda: not notices(store))
    [message] = receiver.messages
    assert message["type"] == "detection.succeeded"
    assert message["data"] == {
        "id": answer["id"],
        "bucket": "bucket",
        "key": "uploads/x/cat.png",
        "etag": store.head("uploads/x/cat.png").etag,
        "state": "succeeded",
        "counts": {"cat": 1, "person": 1},
        "manifest": f"results/{answer['id']}/manifest.json",
        "failure": None,
    }
    assert receiver.refused == []


def test_a_result_that_is_there_already_is_not_told_again(
    receiver: Receiver, store: MemoryObjectStore
) -> None:
    store.put("uploads/x/cat.png", squares("red"), content_type="image/png")
    with make_client(settings(receiver), store=store) as client:
        for _ in range(3):
            client.post("/v1/detections", json={"key": "uploads/x/cat.png"})
        wait_for(lambda: receiver.messages and not notices(store))
    assert receiver.tries == 1


def test_a_failure_is_told_with_its_cause(receiver: Receiver, store: MemoryObjectStore) -> None:
    store.put("inbox/a.png", b"no photograph", content_type="image/png")
    made = services(receiver, store)
    with_courier(made, Inline(Outbox(store), webhook(receiver)))
    detect(made, store)
    [message] = receiver.messages
    assert message["type"] == "detection.failed"
    assert message["data"]["failure"]["type"] == "urn:maskdrop:problem:unsupported-image"
    assert message["data"]["counts"] == {}


def test_messages_are_as_the_published_schema_says(
    receiver: Receiver, store: MemoryObjectStore
) -> None:
    published = json.loads((ROOT / "docs/notification.schema.json").read_text())
    made = with_courier(services(receiver, store), Inline(Outbox(store), webhook(receiver)))
    store.put("inbox/a.png", squares("red"), content_type="image/png")
    store.put("inbox/b.png", b"no photograph", content_type="image/png")
    detect(made, store), detect(made, store, "inbox/b.png")
    validator = jsonschema_rs.validator_for(published)
    assert [validator.is_valid(each) for each in receiver.messages] == [True, True]
    assert not validator.is_valid(receiver.messages[0] | {"more": 1})


def test_the_published_schema_is_the_models_and_the_services() -> None:
    published = json.loads((ROOT / "docs/notification.schema.json").read_text())
    served = make_client().get("/schemas/notification.json")
    assert served.headers["Content-Type"] == "application/schema+json"
    assert served.json() == published
    assert published["properties"].keys() == Notification.model_fields.keys()


@pytest.mark.parametrize("fault", [500, 404, "redirect", "reset", "hang", "drip"])
def test_a_receiver_that_fails_is_told_again(
    fault: int | str, receiver: Receiver, store: MemoryObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("handler.notifications.courier.SILENT_SECONDS", (0.05, 0.1))
    receiver.script = lambda number: fault if number < 2 else 204
    courier = Background(Outbox(store, SOON), webhook(receiver, seconds=0.4))
    made = with_courier(services(receiver, store), courier)
    store.put("inbox/a.png", squares("red"), content_type="image/png")
    courier.start()
    identity = detect(made, store)
    wait_for(lambda: receiver.messages and not notices(store))
    courier.stop()
    assert [each["data"]["id"] for each in receiver.messages] == [identity]
    assert receiver.tries == 3
    # A redirect was not followed, and every try was signed anew.
    assert set(receiver.paths) == {"/hook"}
    assert receiver.refused == []


def test_a_process_that_ends_before_delivery_leaves_the_rest_to_the_next(
    receiver: Receiver, store: MemoryObjectStore
) -> None:
    """The first process is never started: it announces and is gone."""
    made = with_courier(services(receiver, store), Background(Outbox(store), webhook(receiver)))
    store.put("inbox/a.png", squares("red"), content_type="image/png")
    detect(made, store)
    assert receiver.tries == 0
    [key] = notices(store)
    expire_lease(store, key)
    courier = Background(Outbox(store), webhook(receiver))
    courier.start()
    wait_for(lambda: receiver.messages and not notices(store))
    courier.stop()
    assert receiver.tries == 1


def expire_lease(store: MemoryObjectStore, key: str, **change: object) -> None:
    notice = json.loads(store.get(key).body)
    notice |= {"due_at": (now() - timedelta(seconds=1)).isoformat()} | change
    store.put(key, json.dumps(notice).encode(), content_type="application/json")


def test_a_process_that_ends_between_notice_and_manifest_tells_nothing_untrue(
    receiver: Receiver, store: MemoryObjectStore
) -> None:
    made = services(receiver, store)
    store.put("inbox/a.png", squares("red"), content_type="image/png")
    identity = detect(make_services(store=store), store)
    manifest = ResultStore(store).read(identity)
    assert manifest is not None
    outbox = Outbox(store)
    held = outbox.put(manifest)
    store.delete([f"results/{identity}/manifest.json"])
    assert webhook(receiver).deliver(held, outbox) is Outcome.DONE
    # Young, it may be another process's that is about to write the manifest.
    assert len(notices(store)) == 1
    # The detection is repeated and tells by itself; the old notice goes when it is old.
    with_courier(made, Inline(outbox, webhook(receiver)))
    detect(made, store)
    assert receiver.tries == 1


def test_two_processes_do_not_deliver_the_same_try(
    receiver: Receiver, store: MemoryObjectStore
) -> None:
    made = with_courier(services(receiver, store), Background(Outbox(store), webhook(receiver)))
    store.put("inbox/a.png", squares("red"), content_type="image/png")
    detect(made, store)
    [key] = notices(store)
    expire_lease(store, key)
    first, second = Outbox(store), Outbox(store)
    [here], [there] = list(first.due()), list(second.due())
    assert webhook(receiver).deliver(here, first) is Outcome.DONE
    assert webhook(receiver).deliver(there, second) is Outcome.DONE
    assert receiver.tries == 1


def test_a_failure_that_may_still_succeed_is_not_told(
    receiver: Receiver, store: MemoryObjectStore
) -> None:
    """On the last delivery the failure is written first, in case the process ends."""
    made = with_courier(services(receiver, store), Inline(Outbox(store), webhook(receiver)))
    store.put("inbox/a.png", squares("red"), content_type="image/png")
    task = made.stored.task(store.head("inbox/a.png"), Options())
    Attempt(made.stored, task, last=True).run()
    assert [each["type"] for each in receiver.messages] == ["detection.succeeded"]
    # What was written for the worst case is no longer true, and goes untold.
    [left] = notices(store)
    outbox = Outbox(store)
    expire_lease(store, left)
    [held] = list(outbox.due())
    assert webhook(receiver).deliver(held, outbox) is Outcome.DONE
    assert receiver.tries == 1


def test_a_failure_of_a_process_that_ended_is_told_by_another(
    receiver: Receiver, store: MemoryObjectStore
) -> None:
    made = with_courier(services(receiver, store), Inline(Outbox(store), webhook(receiver)))
    store.put("inbox/a.png", squares("red"), content_type="image/png")
    task = made.stored.task(store.head("inbox/a.png"), Options())
    made.stored.record_failure(task, DetectionInterrupted("No memory."), provisional=True)
    assert receiver.tries == 0
    [key] = notices(store)
    expire_lease(store, key)
    courier = Background(Outbox(store), webhook(receiver))
    courier.start()
    wait_for(lambda: receiver.messages)
    courier.stop()
    assert receiver.messages[0]["data"]["failure"]["detail"] == "No memory."


def test_a_deleted_result_is_not_told(receiver: Receiver, store: MemoryObjectStore) -> None:
    made = with_courier(services(receiver, store), Background(Outbox(store), webhook(receiver)))
    store.put("inbox/a.png", squares("red"), content_type="image/png")
    identity = detect(made, store)
    ResultStore(store).delete(identity)
    [key] = notices(store)
    expire_lease(store, key)
    outbox = Outbox(store)
    [held] = list(outbox.due())
    assert webhook(receiver).deliver(held, outbox) is Outcome.DONE
    assert receiver.tries == 0


def test_it_is_given_up_in_the_end(
    receiver: Receiver, store: MemoryObjectStore, caplog: pytest.LogCaptureFixture
) -> None:
    receiver.script = lambda _: 500
    made = with_courier(services(receiver, store), Background(Outbox(store), webhook(receiver)))
    store.put("inbox/a.png", squares("red"), content_type="image/png")
    detect(made, store)
    [key] = notices(store)
    message = json.loads(store.get(key).body)["message"]
    old = (now() - LIFETIME - timedelta(minutes=1)).isoformat()
    expire_lease(store, key, message=message | {"timestamp": old}, tries=12)
    outbox = Outbox(store)
    [held] = list(outbox.due())
    assert webhook(receiver).deliver(held, outbox) is Outcome.REFUSED
    assert notices(store) == []
    assert "given up after 13 tries" in caplog.text


def test_tries_are_further_and_further_apart(store: MemoryObjectStore) -> None:
    pauses = outbox_module.PAUSES
    assert list(pauses) == sorted(pauses)
    # The first is longer than a try, which no other process makes meanwhile.
    assert pauses[0] > timedelta(seconds=10)


def test_a_host_that_is_gone_does_not_hold_up_detections(store: MemoryObjectStore) -> None:
    gone = Webhook("http://127.0.0.1:9/hook", SECRET_BYTES, private=True, seconds=1)
    made = with_courier(make_services(store=store), Inline(Outbox(store), gone))
    store.put("inbox/a.png", squares("red"), content_type="image/png")
    identity = detect(made, store)
    assert ResultStore(store).read(identity) is not None
    assert len(notices(store)) == 1


class NoNotices(MemoryObjectStore):
    """A bucket that fails for notices alone."""

    def put(self, key, body, **rest):
        if key.startswith(NOTICES):
            raise StorageUnavailable("SlowDown")
        return super().put(key, body, **rest)


def test_no_result_is_written_that_could_not_be_told(receiver: Receiver) -> None:
    """The delivery comes again, and with it the chance to tell."""
    store = NoNotices()
    made = with_courier(services(receiver, store), Inline(Outbox(store), webhook(receiver)))
    store.put("inbox/a.png", squares("red"), content_type="image/png")
    task = made.stored.task(store.head("inbox/a.png"), Options())
    with pytest.raises(StorageUnavailable):
        made.stored.detect_stored(task)
    assert ResultStore(store).read(task.id) is None


def test_without_a_webhook_nothing_is_written(store: MemoryObjectStore) -> None:
    store.put("inbox/a.png", squares("red"), content_type="image/png")
    detect(make_services(store=store), store)
    assert notices(store) == []


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"webhook_secret": None}, "needs MASKDROP_WEBHOOK_SECRET"),
        ({"webhook_secret": "whsec_short"}, "not whsec_ and base64"),
        ({"webhook_secret": "whsec_YWJj"}, "has 3 bytes; 24 to 64 are expected"),
        ({"private_hosts": False}, "https:// is expected"),
        ({"webhook_url": "example.org/hook"}, "not https://"),
    ],
)
def test_settings_that_could_not_work_are_refused_at_the_start(
    change: dict[str, object], words: str, receiver: Receiver
) -> None:
    with pytest.raises(ValueError, match=words) as refusal:
        make_services(settings(receiver) | change)
    shown = str(refusal.value)
    assert not any(SECRET[at : at + 8] in shown for at in range(6, len(SECRET) - 8))
