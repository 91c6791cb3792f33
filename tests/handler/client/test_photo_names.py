import pytest

from handler.client.photo_names import MAX_IMAGE_ID, image_ids
from handler.client.text import as_text, folder_name, printable, upload_name


@pytest.mark.parametrize(
    ("title", "expected"),
    [
        ("000000000139.jpg", 139),
        ("2026/139.jpg", 139),
        ("beach.jpg", "beach"),
        ("12.5.png", "12.5"),
        ("stdin", "stdin"),
        ("2026/beach.jpg", "2026/beach"),
        ("٣.jpg", "٣"),
        (f"{MAX_IMAGE_ID}.jpg", MAX_IMAGE_ID),
        (f"{MAX_IMAGE_ID + 1}.jpg", str(MAX_IMAGE_ID + 1)),
        ("20260101123045123456.jpg", "20260101123045123456"),
    ],
)
def test_image_id_is_the_number_or_the_title_without_its_suffix(title, expected):
    assert image_ids([title]) == [expected]


def test_a_number_that_two_would_share_is_a_name():
    titles = ["a/139.jpg", "0139.png", "7.jpg"]
    assert image_ids(titles) == ["a/139", "0139", 7]


def test_stems_that_two_would_share_keep_their_suffix():
    assert image_ids(["cat.jpg", "cat.png", "Cat.jpg"]) == ["cat.jpg", "cat.png", "Cat"]


def test_no_two_ids_are_the_same_whatever_the_names():
    titles = ["cat.jpg", "cat.png", "cat.jpg.png", "cat.jpg-2.png"]
    assert len(set(image_ids(titles))) == 4


def test_a_long_name_makes_a_folder_that_file_systems_take(tmp_path):
    one, other = folder_name("é" * 200), folder_name("é" * 201)
    assert one != other
    (tmp_path / one).mkdir()


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("cat.jpg", "cat.jpg"),
        ("a\\b\n.jpg", "a_b_.jpg"),
        ("${filename}.jpg", "_{filename}.jpg"),
        ("..", "photo"),
        ("\udce9.jpg", "\ufffd.jpg"),
    ],
)
def test_the_service_takes_the_name_of_any_file(name, expected):
    assert upload_name(name) == expected


def test_a_name_too_long_for_the_service_keeps_its_suffix():
    name = upload_name("é" * 200 + ".jpg")
    assert len(name.encode()) <= 255
    assert name.endswith("é.jpg")


def test_text_for_terminals_has_no_control_characters():
    assert printable("a\x1b]0;\x07\u202eb\udcff") == "a\\x1b]0;\\x07\\u202eb\ufffd"
    assert printable("two\nlines", keep="\n") == "two\nlines"
    assert as_text("[red]ü") == "[red]ü"
