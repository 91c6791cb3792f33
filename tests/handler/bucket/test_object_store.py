"""One contract, three buckets: the fake of our unit tests, moto's S3, and a real S3 server."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from handler.bucket.objects import ObjectStore
from handler.errors import ObjectNotFound, ObjectTooLarge, PreconditionFailed

pytestmark = pytest.mark.parametrize("store", ["memory", "moto", "seaweedfs"], indirect=True)

TEXT = "text/plain"


def test_what_was_put_is_got(store: ObjectStore) -> None:
    put = store.put("a/b.txt", b"hello", content_type=TEXT)
    assert store.get("a/b.txt").body == b"hello"
    assert store.get("a/b.txt").info == put == store.head("a/b.txt")


def test_the_etag_is_the_md5_of_the_body(store: ObjectStore) -> None:
    # Results are named after it: the same bytes must give the same id on every store.
    assert store.put("a", b"hello", content_type=TEXT).etag == "5d41402abc4b2a76b9719d911017c592"


def test_an_empty_object_is_an_object(store: ObjectStore) -> None:
    store.put("empty", b"", content_type=TEXT)
    assert store.get("empty").body == b""


def test_a_missing_object_is_not_found(store: ObjectStore) -> None:
    with pytest.raises(ObjectNotFound, match=r"s3://.*/missing: no such object"):
        store.get("missing")
    with pytest.raises(ObjectNotFound, match=r"s3://.*/missing: no such object"):
        store.head("missing")


def test_a_size_limit_holds_to_the_byte(store: ObjectStore) -> None:
    store.put("five", b"12345", content_type=TEXT)
    assert store.get("five", max_bytes=5).body == b"12345"
    with pytest.raises(ObjectTooLarge, match=r"/five has 5 bytes; the limit is 4\."):
        store.get("five", max_bytes=4)


def test_only_the_first_writer_creates_a_key(store: ObjectStore) -> None:
    store.put("once", b"first", content_type=TEXT, if_none_match="*")
    with pytest.raises(PreconditionFailed):
        store.put("once", b"second", content_type=TEXT, if_none_match="*")
    assert store.get("once").body == b"first"


def test_of_many_writers_at_once_one_creates_the_key(store: ObjectStore) -> None:
    def create(number: int) -> int | None:
        try:
            store.put("race", b"%d" % number, content_type=TEXT, if_none_match="*")
        except PreconditionFailed:
            return None
        return number

    with ThreadPoolExecutor(8) as pool:
        winners = [number for number in pool.map(create, range(8)) if number is not None]
    assert store.get("race").body == b"%d" % winners[0]
    assert len(winners) == 1


def test_a_key_can_be_created_again_after_its_deletion(store: ObjectStore) -> None:
    store.put("again", b"first", content_type=TEXT)
    store.delete(["again"])
    store.put("again", b"second", content_type=TEXT, if_none_match="*")
    assert store.get("again").body == b"second"


def test_a_replacement_names_what_it_replaces(store: ObjectStore) -> None:
    first = store.put("swap", b"first", content_type=TEXT)
    store.put("swap", b"second", content_type=TEXT, if_match=first.etag)
    with pytest.raises(PreconditionFailed):
        store.put("swap", b"third", content_type=TEXT, if_match=first.etag)
    assert store.get("swap").body == b"second"


def test_nothing_cannot_be_replaced(store: ObjectStore) -> None:
    with pytest.raises(PreconditionFailed):
        store.put("nothing", b"new", content_type=TEXT, if_match="0" * 32)


def test_a_listing_holds_its_prefix_alone_in_order(store: ObjectStore) -> None:
    for key in ("in/b", "in/a/2", "in/é", "inside", "in/a/1", "out"):
        store.put(key, b"x", content_type=TEXT)
    assert [found.key for found in store.list_objects("in/")] == [
        "in/a/1",
        "in/a/2",
        "in/b",
        "in/é",
    ]


def test_a_listing_tells_size_and_etag(store: ObjectStore) -> None:
    put = store.put("in/a", b"hello", content_type=TEXT)
    assert list(store.list_objects("in/")) == [put]


def test_an_empty_prefix_lists_nothing(store: ObjectStore) -> None:
    assert list(store.list_objects("nowhere/")) == []


def test_deleting_takes_many_keys_and_ignores_missing_ones(store: ObjectStore) -> None:
    store.put("gone/1", b"x", content_type=TEXT)
    store.put("gone/2", b"x", content_type=TEXT)
    store.delete(["gone/1", "gone/missing", "gone/2"])
    assert list(store.list_objects("gone/")) == []


def test_deleting_nothing_is_no_request(store: ObjectStore) -> None:
    store.put("kept", b"x", content_type=TEXT)
    store.delete([])
    assert store.head("kept").size == 1


# Without a backslash: SeaweedFS, a file system at heart, makes a slash of it.
@pytest.mark.parametrize(
    "name",
    [
        "with space.jpg",
        "a+b.jpg",
        "a%2Bb.jpg",
        "100%.jpg",
        "été 日本 🐈.jpg",
        "e\u0301.jpg",
        "q?a=1&b=2#c.jpg",
        "'\"<&>;=.jpg",
    ],
)
def test_a_key_comes_back_as_it_went(store: ObjectStore, name: str) -> None:
    key = f"names/{name}"
    put = store.put(key, b"x", content_type=TEXT)
    assert store.get(key).body == b"x"
    assert list(store.list_objects("names/")) == [put]
    store.delete([key])
    assert list(store.list_objects("names/")) == []


def test_a_key_may_have_1024_bytes(store: ObjectStore) -> None:
    key = "/".join(["long" + "é" * 98] * 5 + ["x" * 19])
    assert len(key.encode()) == 1024
    store.put(key, b"x", content_type=TEXT)
    assert store.get(key).info.key == key
