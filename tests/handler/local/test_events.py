"""What SeaweedFS's webhook tells, and the S3 events made of it."""

from __future__ import annotations

from typing import Any

import pytest
from events import read_created

from handler.bucket.keys import is_older
from handler.bucket.objects import ObjectInfo
from handler.local.events import created_event, read_change

# base64 of an ETag, as SeaweedFS keeps it.
ETAG = "NWQ0MTQwMmFiYzRiMmE3NmI5NzE5ZDkxMTAxN2M1OTI="


def change(key: str, **entry: Any) -> dict[str, Any]:
    """A webhook's message, of its fields those that matter."""
    new_entry = {"attributes": {"file_size": 5}, "extended": {"Seaweed-X-Amz-ETag": ETAG}}
    return {"event_type": "create", "key": key, "message": {"new_entry": new_entry | entry}}


def test_a_file_in_the_inbox_is_an_object() -> None:
    assert read_change(change("/buckets/maskdrop/inbox/a b+é.jpg"), "maskdrop") == ObjectInfo(
        "inbox/a b+é.jpg", 5, "5d41402abc4b2a76b9719d911017c592"
    )


def test_an_empty_file_has_no_bytes() -> None:
    empty = read_change(change("/buckets/maskdrop/inbox/a.jpg", attributes={}), "maskdrop")
    assert empty is not None
    assert empty.size == 0


@pytest.mark.parametrize(
    "other",
    [
        change("/buckets/maskdrop/uploads/1/a.jpg"),
        change("/buckets/maskdrop/inboxes/a.jpg"),
        change("/buckets/another/inbox/a.jpg"),
        change("/buckets/maskdrop/inbox", is_directory=True),
        change("/buckets/maskdrop/inbox/folder", is_directory=True),
        {"event_type": "delete", "key": "/buckets/maskdrop/inbox/a.jpg", "message": {}},
    ],
)
def test_nothing_else_is(other: dict[str, Any]) -> None:
    assert read_change(other, "maskdrop") is None


@pytest.mark.parametrize("name", ["a b.jpg", "a+b.jpg", "a%2Bb.jpg", "été 🐈.jpg", "100%.jpg"])
def test_the_event_reads_back_as_the_object(name: str) -> None:
    [created] = read_created(created_event("maskdrop", ObjectInfo(f"inbox/{name}", 5, "e")))
    assert (created.bucket, created.key, created.size) == ("maskdrop", f"inbox/{name}", 5)
    assert (created.etag, created.version_id) == ("e", None)


def test_a_later_event_has_the_later_sequencer() -> None:
    info = ObjectInfo("inbox/a.jpg", 5, "e")
    first, second = (read_created(created_event("b", info))[0] for _ in range(2))
    assert is_older(first.sequencer, than=second.sequencer)
