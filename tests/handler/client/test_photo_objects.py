import pytest
from memory_store import MemoryObjectStore

from handler.bucket.keys import split_url
from handler.client.photo_names import name_photos
from handler.client.photo_objects import list_objects
from handler.client.skipped import Skipped
from handler.errors import BadKey, ObjectTooLarge


@pytest.fixture
def store():
    store = MemoryObjectStore()
    for key in ("album/cat.JPG", "album/2026/cat.jpg", "album/../x.png", "album/notes.txt"):
        store.put(key, b"photograph", content_type="image/jpeg")
    return store


def test_photographs_are_found_however_deep(store):
    skipped = Skipped()
    found = name_photos([*list_objects(store, "album/", skipped)])
    assert {each.path: each.folder for each in found} == {
        f"s3://{store.bucket}/album/../x.png": "..__x",
        f"s3://{store.bucket}/album/2026/cat.jpg": "2026__cat",
        f"s3://{store.bucket}/album/cat.JPG": "cat",
    }
    assert str(skipped) == "Skipped: 1 file without a photograph's suffix (.txt)."


def test_a_whole_key_is_a_prefix_too(store):
    [photo] = list_objects(store, "album/cat.JPG", Skipped())
    assert (photo.name, photo.relative) == ("cat.JPG", "cat.JPG")


def test_no_more_is_read_than_allowed(store):
    [photo] = list_objects(store, "album/cat.JPG", Skipped())
    assert photo.read(10) == b"photograph"
    with pytest.raises(ObjectTooLarge):
        photo.read(9)


def test_a_prefix_needs_its_bucket():
    with pytest.raises(BadKey, match=r"'s3:///album' names no bucket"):
        split_url("s3:///album")
