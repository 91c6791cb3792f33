import os
import stat
import sys
from pathlib import Path

import pytest
from memory_store import MemoryObjectStore
from painting import photo

from handler.client.photo_search import UrlNotFetched, find_photos
from handler.errors import BadImage, BadOptions, ImageTooLarge
from handler.schemas import Manifest


@pytest.fixture
def album(tmp_path):
    """A folder with two photographs and other files."""
    for name in ("b.JPG", "a.png", "notes.txt", ".hidden.jpg", "._a.png"):
        (tmp_path / name).write_bytes(photo())
    (tmp_path / "sub.jpg").mkdir()
    (tmp_path / "empty").mkdir()
    return tmp_path


@pytest.fixture
def closed(tmp_path, monkeypatch):
    """A folder `closed` in the current one that may not be read, even where root runs the tests."""
    monkeypatch.chdir(tmp_path)
    tmp_path.chmod(0o755)
    folder = Path("closed")
    folder.mkdir()
    folder.chmod(0)
    if os.geteuid() != 0:
        yield folder
    else:
        os.seteuid(65534)
        yield folder
        os.seteuid(0)
    folder.chmod(stat.S_IRWXU)


def no_bucket(url):
    raise AssertionError(url)


def search(*arguments, **options):
    return find_photos([str(each) for each in arguments], no_bucket, **options)


def names(*arguments, **options):
    return [each.name for each in search(*arguments, **options).photos]


def folders(*arguments, **options):
    return [each.folder for each in search(*arguments, **options).photos]


def error_of(argument):
    [only] = search(argument).photos
    with pytest.raises((BadImage, OSError)) as error:
        only.read(1000)
    return only, error.value


def test_folder_stands_for_its_photographs(album):
    assert names(album) == ["a.png", "b.JPG"]


def test_file_that_is_named_counts_whatever_its_suffix(album):
    assert names(album / "notes.txt") == ["notes.txt"]


def test_photograph_named_twice_is_taken_once(album):
    assert names(album / "b.JPG", album) == ["b.JPG", "a.png"]


def test_what_a_folder_holds_besides_is_told_in_one_line(album):
    assert str(search(album).skipped) == (
        "Skipped: 1 file without a photograph's suffix (.txt), 2 hidden files, "
        "2 subfolders (search with --recursive)."
    )


def test_nothing_skipped_is_nothing_told(album):
    assert str(search(album / "a.png").skipped) == ""


def test_subfolders_are_searched_when_asked_for(album):
    (album / "empty/deep").mkdir()
    (album / "empty/deep/c.jpg").write_bytes(photo())
    found = search(album, recursive=True)
    assert [each.title for each in found.photos] == ["a.png", "b.JPG", "empty/deep/c.jpg"]
    assert [each.folder for each in found.photos] == ["a", "b", "empty__deep__c"]


def test_a_search_does_not_find_what_maskdrop_wrote(album, detected):
    (album / "out").mkdir()
    (album / "out/a").mkdir()
    (album / "out/a/manifest.json").write_text(detected.model_dump_json())
    (album / "out/a/overlay.jpg").write_bytes(photo())
    found = search(album, recursive=True)
    assert [each.title for each in found.photos] == ["a.png", "b.JPG"]
    assert "1 result folder of Maskdrop" in str(found.skipped)


def test_a_link_to_a_folder_leads_into_no_circle(album):
    (album / "empty/again").symlink_to(album)
    found = search(album, recursive=True)
    assert [each.title for each in found.photos] == ["a.png", "b.JPG"]
    assert "1 link to folders" in str(found.skipped)


@pytest.mark.parametrize("recursive", [False, True])
def test_a_folder_that_cannot_be_read_fails_by_itself(closed, recursive):
    os.seteuid(os.getuid())
    Path("open.png").write_bytes(photo())
    if os.getuid() == 0:
        os.seteuid(65534)
    found = search("closed", "open.png", recursive=recursive).photos
    assert [each.path for each in found] == ["closed", "open.png"]
    with pytest.raises(PermissionError):
        found[0].read(1000)


def test_a_path_through_a_closed_folder_fails_when_it_is_read(closed):
    [only] = search("closed/photo.jpg").photos
    with pytest.raises(PermissionError):
        only.read(1000)


def test_too_long_a_name_fails_when_it_is_read():
    _only, error = error_of("x" * 300 + ".jpg")
    assert isinstance(error, OSError)


def test_results_are_named_after_stems(album):
    assert folders(album) == ["a", "b"]


def test_equal_stems_keep_their_suffix(album):
    (album / "a.jpg").write_bytes(photo())
    assert folders(album) == ["a.jpg", "a.png", "b"]


def test_equal_names_are_numbered_and_told_apart_by_their_paths(album, monkeypatch):
    monkeypatch.chdir(album)
    Path("empty/a.png").write_bytes(photo())
    found = search("a.png", "empty").photos
    assert [each.folder for each in found] == ["a.png", "a.png-2"]
    assert [each.title for each in found] == ["a.png", "empty/a.png"]
    assert [each.image_id for each in found] == ["a", "empty/a"]


@pytest.mark.skipif(sys.platform == "darwin", reason="Its file systems take UTF-8 alone.")
def test_a_name_that_is_not_utf8_is_text_everywhere(tmp_path):
    name = os.fsdecode(b"caf\xe9.jpg")
    (tmp_path / name).write_bytes(b"bytes")
    [only] = search(tmp_path).photos
    assert (only.name, only.title, only.folder, only.image_id) == (
        "caf\ufffd.jpg",
        "caf\ufffd.jpg",
        "caf\ufffd",
        "caf\ufffd",
    )
    assert only.path.encode()
    assert only.read(10) == b"bytes"


def test_two_names_that_look_the_same_as_text_are_told_apart(tmp_path):
    for name in (b"\xe9.jpg", b"\xe8.jpg"):
        (tmp_path / os.fsdecode(name)).write_bytes(b"bytes")
    found = search(tmp_path).photos
    for field in ("title", "folder", "image_id"):
        assert len({getattr(each, field) for each in found}) == 2


def test_control_characters_are_shown_not_sent_to_the_terminal():
    [only] = search("a\x1b[31m\n.jpg").photos
    assert only.path == "a\\x1b[31m\\n.jpg"
    assert only.folder == "a_[31m_"


def test_standard_input_is_one_photograph():
    [only] = search("-", "-").photos
    assert (only.name, only.folder, only.path) == ("stdin", "stdin", "-")


def test_missing_file_fails_when_it_is_read(album):
    assert isinstance(error_of(album / "nope.jpg")[1], FileNotFoundError)


def test_folder_without_photographs_fails_when_it_is_read(album):
    assert "holds no photograph" in str(error_of(album / "empty")[1])


@pytest.mark.parametrize("url", ["http://x.org/a.jpg", "HTTPS://x.org/a.jpg"])
def test_a_url_is_said_not_to_be_fetched(url):
    only, error = error_of(url)
    assert isinstance(error, UrlNotFetched)
    assert str(error).startswith("URLs are not fetched.")
    assert only.path == url


@pytest.mark.parametrize("url", ["gs://bucket/a.jpg", "file:///a.jpg", "data:image/png;base64,AA"])
def test_other_schemes_name_what_is_taken(url):
    assert "s3://BUCKET/PREFIX" in str(error_of(url)[1])


def test_an_empty_argument_is_not_the_current_folder():
    with pytest.raises(BadOptions, match="path is empty"):
        search("")


def test_large_file_is_refused_unread(album):
    with pytest.raises(ImageTooLarge, match="bytes; at most 10 are allowed"):
        search(album / "a.png").photos[0].read(10)


def test_objects_are_found_beside_files(album):
    store = MemoryObjectStore()
    store.put("album/2026/cat.jpg", b"photograph", content_type="image/jpeg")
    found = find_photos([str(album / "a.png"), "s3://x/album/"], lambda url: (store, "album/"))
    assert [each.folder for each in found.photos] == ["a", "2026__cat"]


def test_a_prefix_without_photographs_fails_when_it_is_read():
    found = find_photos(["s3://x/album/"], lambda url: (MemoryObjectStore(), "album/"))
    with pytest.raises(BadImage, match="holds no photograph"):
        found.photos[0].read(10)


@pytest.fixture
def detected(colour_model):
    from handler.detection.detector import Detector
    from handler.schemas import Options
    from model.runtime.predictor import Predictor

    manifest = Detector(Predictor.load(colour_model, threads=1)).detect(photo(), Options())
    found = manifest.manifest()
    assert isinstance(found, Manifest)
    return found
