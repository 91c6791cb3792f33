"""Several writers, broken-off writers, late events: one result is there in the end."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from memory_store import MemoryObjectStore

from handler.bucket.keys import latest_key, manifest_key
from handler.bucket.objects import ObjectInfo
from handler.bucket.result_store import MAX_RACES, ResultStore, result_id
from handler.errors import PreconditionFailed
from handler.schemas import (
    FailedManifest,
    FailedSource,
    Failure,
    Manifest,
    Model,
    Options,
    Receipt,
    Source,
)

ID = "a" * 52
MODEL = Model(name="edge", version=1, digest="0" * 64)


def succeeded(key: str = "uploads/1/cat.jpg", peak_memory_mb: float = 1) -> Manifest:
    return Manifest(
        source=Source(key=key, etag="e", size=1, width=1, height=1, orientation=1),
        model=MODEL,
        options=Options(),
        detections=(),
        outputs=(),
        receipt=Receipt(cold=False, milliseconds={}, peak_memory_mb=peak_memory_mb),
    )


def failed(key: str = "uploads/1/cat.jpg", detail: str = "Broken.") -> FailedManifest:
    return FailedManifest(
        source=FailedSource(key=key, etag="e"),
        model=MODEL,
        options=Options(),
        failure=Failure(type="urn:maskdrop:problem:broken-image", detail=detail),
    )


@pytest.fixture
def store() -> MemoryObjectStore:
    return MemoryObjectStore()


@pytest.fixture
def results(store: MemoryObjectStore) -> ResultStore:
    return ResultStore(store)


def name(**changes: Any) -> str:
    made_of = {
        "bucket": "b",
        "key": "inbox/cat.jpg",
        "version": "e",
        "model_digest": "0" * 64,
        "options": Options(),
    }
    return result_id(**(made_of | changes))


def test_an_id_is_52_characters_fit_for_a_url() -> None:
    assert re.fullmatch("[a-z2-7]{52}", name())


@pytest.mark.parametrize(
    "change",
    [
        {"bucket": "c"},
        {"key": "inbox/dog.jpg"},
        {"version": "f"},
        {"model_digest": "1" * 64},
        {"options": Options(score_threshold=0.6)},
        {"options": Options(tile=True)},
    ],
)
def test_whatever_makes_a_result_makes_its_id(change: dict[str, Any]) -> None:
    assert name(**change) != name()


def test_ids_are_what_they_were_before_there_were_tiles_and_refined_edges() -> None:
    before = "d52qphwytnm347dfmgqzpcl5vggqkkmcxdl37vzv5nktjpeaplla"
    assert name(options=Options(score_threshold=0.5, edges="plain")) == before
    assert name(options=Options(score_threshold=0.5, edges="refined")) != before


def test_the_order_of_names_in_options_makes_no_difference() -> None:
    first = Options(classes=("cat", "dog"), outputs=("labels", "rle"))
    second = Options(classes=("dog", "cat", "dog"), outputs=("rle", "labels"))
    assert name(options=first) == name(options=second)


def test_a_result_exists_once_its_manifest_is_written(results: ResultStore) -> None:
    results.write_files(ID, [("labels.png", b"png")])
    assert results.read(ID) is None
    results.write_manifest(ID, succeeded())
    assert results.read(ID) == succeeded().model_copy(update={"id": ID})


def test_files_are_written_beside_the_manifest(
    results: ResultStore, store: MemoryObjectStore
) -> None:
    names = results.write_files(ID, [("instances/000-cat.png", b"png"), ("rle.json", b"[]")])
    assert names == ("instances/000-cat.png", "rle.json")
    assert store.get(f"results/{ID}/instances/000-cat.png").body == b"png"


def test_the_loser_of_a_race_gets_the_winners_manifest(results: ResultStore) -> None:
    winner = results.write_manifest(ID, succeeded(peak_memory_mb=1))
    assert results.write_manifest(ID, succeeded(peak_memory_mb=2)) == winner
    assert results.read(ID) == winner


def test_a_failure_never_replaces_a_success(results: ResultStore) -> None:
    winner = results.write_manifest(ID, succeeded())
    assert results.write_manifest(ID, failed()) == winner


def test_a_success_replaces_a_failure(results: ResultStore) -> None:
    results.write_manifest(ID, failed())
    success = results.write_manifest(ID, succeeded())
    assert results.read(ID) == success


def test_a_later_failure_replaces_an_earlier_one(results: ResultStore) -> None:
    results.write_manifest(ID, failed(detail="First."))
    second = results.write_manifest(ID, failed(detail="Second."))
    assert results.read(ID) == second


def test_what_is_no_manifest_is_replaced(results: ResultStore, store: MemoryObjectStore) -> None:
    store.put(manifest_key(ID), b"{}", content_type="application/json")
    assert results.read(ID) is None
    assert results.write_manifest(ID, succeeded()) == results.read(ID)


def test_progress_is_told_from_the_first_report_on(results: ResultStore) -> None:
    assert results.read_status(ID) is None
    results.begin(ID, source_key="uploads/1/cat.jpg").say("decoding")
    status = results.read_status(ID)
    assert status is not None
    assert (status.state, status.key) == ("decoding", "uploads/1/cat.jpg")


def test_the_newest_event_of_an_object_is_its_latest(results: ResultStore) -> None:
    results.publish_latest(succeeded(peak_memory_mb=1), "0A1")
    results.publish_latest(succeeded(peak_memory_mb=2), "0A2")
    latest = results.read_latest("uploads/1/cat.jpg")
    assert isinstance(latest, Manifest)
    assert (latest.receipt.peak_memory_mb, latest.source.sequencer) == (2, "0A2")


def test_an_older_event_never_replaces_a_newer_one(results: ResultStore) -> None:
    newer = results.publish_latest(succeeded(peak_memory_mb=2), "0A2")
    assert results.publish_latest(succeeded(peak_memory_mb=1), "0A1") == newer
    assert results.read_latest("uploads/1/cat.jpg") == newer


def test_the_same_event_may_bring_another_models_result(results: ResultStore) -> None:
    results.publish_latest(succeeded(peak_memory_mb=1), "0A1")
    second = results.publish_latest(succeeded(peak_memory_mb=2), "0A1")
    assert results.read_latest("uploads/1/cat.jpg") == second


def test_a_failure_is_the_latest_too(results: ResultStore) -> None:
    results.publish_latest(succeeded(), "0A1")
    failure = results.publish_latest(failed(), "0A2")
    assert results.read_latest("uploads/1/cat.jpg") == failure


def test_the_latest_of_a_key_of_1024_bytes_has_a_key_too(results: ResultStore) -> None:
    key = "inbox/" + "é" * 509
    published = results.publish_latest(succeeded(key), "0A1")
    assert results.read_latest(key) == published
    assert len(latest_key(key).encode()) <= 1024


class BusyStore(MemoryObjectStore):
    """Before each of the first `races` conditional writes, another writer does its own."""

    def __init__(self, races: int, rival: Callable[[int], bytes]) -> None:
        super().__init__()
        self._races = races
        self._rival = rival

    def put(self, key: str, body: bytes, **conditions: Any) -> ObjectInfo:
        if self._races:
            self._races -= 1
            super().put(key, self._rival(self._races), content_type="application/json")
        return super().put(key, body, **conditions)


def rival_with_sequencer(number: int) -> bytes:
    source = succeeded().source.model_copy(update={"sequencer": f"{number:04X}"})
    return succeeded().model_copy(update={"source": source}).model_dump_json().encode()


def test_the_newest_event_wins_through_several_races() -> None:
    results = ResultStore(BusyStore(3, rival_with_sequencer))
    newest = results.publish_latest(succeeded(), "0A1")
    assert results.read_latest("uploads/1/cat.jpg") == newest


def test_a_race_without_end_is_an_error() -> None:
    results = ResultStore(BusyStore(MAX_RACES, rival_with_sequencer))
    with pytest.raises(PreconditionFailed, match=r"cat\.jpg\.json changed 10 times"):
        results.publish_latest(succeeded(), "0A1")


def test_deleting_takes_result_upload_and_latest(
    results: ResultStore, store: MemoryObjectStore
) -> None:
    store.put("uploads/1/cat.jpg", b"jpeg", content_type="image/jpeg")
    results.begin(ID, source_key="uploads/1/cat.jpg").say("writing")
    results.write_files(ID, [("labels.png", b"png")])
    results.publish_latest(results.write_manifest(ID, succeeded()), "0A1")
    assert results.delete(ID)
    assert list(store.list_objects("")) == []


def test_deleting_spares_the_object_in_the_inbox_and_a_newer_result(
    results: ResultStore, store: MemoryObjectStore
) -> None:
    store.put("inbox/cat.jpg", b"jpeg", content_type="image/jpeg")
    results.write_manifest(ID, succeeded("inbox/cat.jpg"))
    newer = results.write_manifest("b" * 52, succeeded("inbox/cat.jpg"))
    results.publish_latest(newer, "0A2")
    results.delete(ID)
    kept = {found.key for found in store.list_objects("")}
    assert kept == {"inbox/cat.jpg", "latest/inbox/cat.jpg.json", manifest_key("b" * 52)}


def test_deleting_what_only_began_takes_its_upload_too(
    results: ResultStore, store: MemoryObjectStore
) -> None:
    store.put("uploads/1/cat.jpg", b"jpeg", content_type="image/jpeg")
    results.begin(ID, source_key="uploads/1/cat.jpg")
    assert results.delete(ID)
    assert list(store.list_objects("")) == []


def test_deleting_nothing_says_so(results: ResultStore) -> None:
    assert not results.delete(ID)


def test_a_manifest_is_plain_json_with_its_status(
    results: ResultStore, store: MemoryObjectStore
) -> None:
    results.write_manifest(ID, failed())
    written = json.loads(store.get(manifest_key(ID)).body)
    assert (written["id"], written["status"]) == (ID, "failed")
    assert written["failure"]["detail"] == "Broken."
