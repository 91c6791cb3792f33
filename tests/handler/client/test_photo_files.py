import pytest
from painting import photo

from handler.client.photo_files import find_photos
from handler.errors import BadImage, ImageTooLarge


@pytest.fixture
def album(tmp_path):
    """A folder with two photographs and other files."""
    for name in ("b.JPG", "a.png", "notes.txt", ".hidden.jpg", "._a.png"):
        (tmp_path / name).write_bytes(photo())
    (tmp_path / "sub.jpg").mkdir()
    (tmp_path / "empty").mkdir()
    return tmp_path


def names(photos):
    return [each.name for each in photos]


def test_folder_stands_for_its_photographs(album):
    assert names(find_photos([str(album)])) == ["a.png", "b.JPG"]


def test_file_that_is_named_counts_whatever_its_suffix(album):
    assert names(find_photos([str(album / "notes.txt")])) == ["notes.txt"]


def test_photograph_named_twice_is_taken_once(album):
    assert names(find_photos([str(album / "b.JPG"), str(album)])) == ["b.JPG", "a.png"]


def test_results_are_named_after_stems(album):
    assert [each.folder for each in find_photos([str(album)])] == ["a", "b"]


def test_equal_stems_keep_their_suffix(album):
    (album / "a.jpg").write_bytes(photo())
    folders = [each.folder for each in find_photos([str(album)])]
    assert folders == ["a.jpg", "a.png", "b"]


def test_equal_names_are_numbered(album):
    other = album / "empty" / "A.png"
    other.write_bytes(photo())
    photos = find_photos([str(album / "a.png"), str(other)])
    assert [each.folder for each in photos] == ["a.png", "A.png-2"]


def test_standard_input_is_one_photograph():
    (only,) = find_photos(["-", "-"])
    assert (only.name, only.folder) == ("stdin", "stdin")


def test_missing_file_fails_when_it_is_read(album):
    (missing,) = find_photos([str(album / "nope.jpg")])
    with pytest.raises(FileNotFoundError):
        missing.read(1000)


def test_folder_without_photographs_fails_when_it_is_read(album):
    (empty,) = find_photos([str(album / "empty")])
    with pytest.raises(BadImage, match="holds no photograph"):
        empty.read(1000)


def test_large_file_is_refused_unread(album):
    with pytest.raises(ImageTooLarge, match="bytes; at most 10 are allowed"):
        find_photos([str(album / "a.png")])[0].read(10)
