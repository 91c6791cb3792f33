import pytest
from memory_store import MemoryObjectStore

from handler.bucket.keys import split_url
from handler.client.photo_objects import find_photo_objects
from handler.errors import BadKey, ObjectTooLarge


@pytest.fixture
def store():
    store = MemoryObjectStore()
    for key in ("album/cat.JPG", "album/2026/cat.jpg", "album/../x.png", "album/notes.txt"):
        store.put(key, b"photograph", content_type="image/jpeg")
    return store


def test_photographs_are_found_however_deep(store):
    found = {each.key: each.folder for each in find_photo_objects(store, "album/")}
    assert found == {
        "album/../x.png": "..__x.png",
        "album/2026/cat.jpg": "2026__cat.jpg",
        "album/cat.JPG": "cat.JPG",
    }


def test_a_whole_key_is_a_prefix_too(store):
    [photo] = find_photo_objects(store, "album/cat.JPG")
    assert (photo.name, photo.folder) == ("cat.JPG", "cat.JPG")
    assert photo.path == f"s3://{store.bucket}/album/cat.JPG"


def test_no_more_is_read_than_allowed(store):
    [photo] = find_photo_objects(store, "album/cat.JPG")
    assert photo.read(10) == b"photograph"
    with pytest.raises(ObjectTooLarge):
        photo.read(9)


def test_a_prefix_needs_its_bucket():
    with pytest.raises(BadKey, match=r"'s3:///album' names no bucket"):
        split_url("s3:///album")
