import re
from html import unescape

import pytest
from painting import encoded, painted, photo

from handler.client.contact_sheet import contact_sheet
from handler.client.detect_files import LocalRun
from handler.client.photo_search import find_photos
from handler.detection.detector import Detector
from handler.schemas import Options
from model.runtime.predictor import Predictor


@pytest.fixture
def sheet(colour_model, tmp_path):
    """The page of a run over these files, with options."""
    detector = Detector(Predictor.load(colour_model, threads=1))

    def make(files, **options):
        for name, data in files.items():
            (tmp_path / name).write_bytes(data)
        paths = [str(tmp_path / name) for name in files]
        search = find_photos(paths, lambda url: None)
        run = LocalRun(detector, Options(**options), tmp_path / "out")
        return contact_sheet(list(run.detect_all(search.photos)))

    return make


def sources(page):
    return re.findall(r'(?:src|href)="([^"]*)"', page)


def test_every_link_of_the_page_leads_to_a_file(sheet, tmp_path):
    page = sheet({"a & b #1?.png": photo(), "c.png": photo()})
    from urllib.parse import unquote

    links = [unquote(unescape(each)) for each in sources(page)]
    assert len(links) == 8
    assert all((tmp_path / "out" / each).exists() for each in links)


def test_names_are_text_and_never_markup(sheet):
    page = sheet({'<img src=x onerror="alert(1)">.png': photo()})
    assert "<img src=x" not in page
    assert "&lt;img src=x" in page


def test_failures_are_told_in_plain_words(sheet):
    page = sheet({"cut.png": photo()[:60], "text.png": b"text", "more.png": b"text"})
    assert "<title>3 photographs, 3 failed</title>" in page
    headings = re.findall("<h2>(.*?)</h2>", page)
    assert headings == ["2 failed: unsupported format", "1 failed: damaged image"]


def test_the_classes_are_filters_with_their_numbers(sheet):
    page = sheet({"a.png": photo(), "b.png": encoded(painted(64, 64))})
    buttons = re.findall(r"<button[^>]*>(.*?)</button>", page)
    assert buttons == ["All", "person 1", "cat 1", "nothing found 1"]
    assert 'data-classes="person\ncat"' in page


@pytest.mark.parametrize(
    ("outputs", "picture"),
    [(("overlay",), "overlay.jpg"), (("labels",), "labels.png"), (("rle",), None)],
)
def test_what_shows_the_most_is_shown(sheet, outputs, picture):
    page = sheet({"a.png": photo()}, outputs=outputs)
    assert re.findall(r'<img src="a/(.*?)"', page) == [picture] * bool(picture)


def test_the_page_asks_no_other_host(sheet):
    page = sheet({"a.png": photo()})
    assert "http" not in re.sub("<title>.*?</title>", "", page)
