"""Events as AWS sends them, in tests/events, and what is read out of them."""

from __future__ import annotations

import pytest
from events import load_event, read_created

from handler.bucket.keys import is_older
from handler.jobs.s3_events import ObjectCreated, is_for_us


def created(event: str) -> list[ObjectCreated]:
    return list(read_created(load_event(event)))


def test_an_event_tells_what_was_put() -> None:
    [cat] = created("s3_put")
    assert cat.model_dump() == {
        "event_name": "ObjectCreated:Put",
        "bucket": "maskdrop-example",
        "key": "inbox/cat.jpg",
        "size": 53218,
        "etag": "0f343b0931126a20f133d67c2b018a3b",
        "sequencer": "0068A1F2C3D4E5F601",
        "version_id": None,
    }


def test_an_event_of_a_versioned_bucket_names_the_version() -> None:
    [cat] = created("s3_put_versioned")
    assert cat.version_id == "096fKKXTRTtl3on89fVO.nfljtsv6qko"


def test_an_event_through_the_queue_is_the_same_event() -> None:
    assert created("sqs_s3_put") == created("s3_put")


def test_a_message_may_hold_several_events_and_a_batch_several_messages() -> None:
    assert [each.key for each in created("sqs_many")] == [
        "inbox/cat.jpg",
        "inbox/two words.jpg",
        "inbox/dog.png",
    ]


def test_keys_are_unquoted_exactly_once() -> None:
    assert [each.key for each in created("s3_quoted_keys")] == [
        "inbox/two words.jpg",
        "inbox/a+b.jpg",
        "inbox/a%2Bb.jpg",
        "inbox/été 日本 🐈.jpg",
        "inbox/slash.jpg",
        "inbox/100%.jpg",
    ]


def test_a_file_in_our_inbox_is_for_us() -> None:
    [cat] = created("s3_put")
    assert is_for_us(cat, "maskdrop-example")


def test_nothing_but_files_in_our_inbox_is_for_us() -> None:
    others = created("s3_not_for_us")
    assert len(others) == 8
    assert not any(is_for_us(other, "maskdrop-example") for other in others)


@pytest.mark.parametrize(
    ("earlier", "later"),
    [
        ("0068A1F2C3D4E5F601", "0068A1F2C3D4E5F602"),
        ("68A1F2C3D4E5F601", "0068A1F2C3D4E5F602"),
        ("FF", "100"),
        ("0068a1f2c3d4e5fa", "0068A1F2C3D4E5FB"),
        ("", "1"),
    ],
)
def test_sequencers_are_compared_as_numbers(earlier: str, later: str) -> None:
    assert is_older(earlier, than=later)
    assert not is_older(later, than=earlier)


def test_an_event_is_not_older_than_itself() -> None:
    assert not is_older("00FF", than="ff")
