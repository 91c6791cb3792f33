"""Photographs in: every way, many at once, and those that are refused in the browser."""

import io
from pathlib import Path
from typing import Any

import pytest
from painting import encoded, painted
from PIL import Image
from service import squares
from visits import PHOTO, choose, drop, manifest, paste, saved, see_result

HEIC = b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic"
SAMPLES = Path(__file__).parents[2] / "site/samples"


def test_one_click_on_a_sample_shows_its_result(page: Any) -> None:
    page.click(".sample")
    page.wait_for_selector(".result")
    assert "chelsea.jpg" in page.inner_text("h1")


@pytest.mark.parametrize("way", [choose, drop, paste])
def test_a_photo_comes_back_with_its_masks(page: Any, way: Any) -> None:
    way(page, PHOTO)
    page.wait_for_selector(".result")
    names = page.locator(".row-name").all_inner_texts()
    assert sorted(name.split()[0] for name in names) == ["cat", "dog", "person"]


def test_many_photos_wait_in_a_queue_and_all_come_back(page: Any) -> None:
    photos = [(f"{n}.png", "image/png", squares("red", width=128 + n)) for n in range(5)]
    choose(page, *photos)
    page.locator(".card.is-succeeded").nth(4).wait_for()
    assert page.locator(".card-name").all_inner_texts() == [name for name, _, _ in photos]


@pytest.mark.parametrize(
    ("name", "data", "words"),
    [
        ("notes.jpg", b"these are words", "is not a JPEG, PNG, WebP, AVIF or HEIC image"),
        ("nothing.png", b"", "is empty"),
    ],
)
def test_a_wrong_file_is_refused_with_the_reason(
    page: Any, name: str, data: bytes, words: str
) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    choose(page, (name, "image/jpeg", data))
    page.wait_for_selector(".problem")
    assert words in page.inner_text(".problem")
    assert not any("/v1/" in url for url in asked)


def test_the_type_is_told_by_content_not_by_name(page: Any) -> None:
    choose(page, ("photo.jpg", "image/jpeg", PHOTO[2]))
    page.wait_for_selector(".result")
    assert page.locator(".row").count() == 3


def test_a_picture_past_the_limit_is_refused_with_the_limit(page: Any) -> None:
    # A PNG header that promises a poster.
    header = PHOTO[2][:16] + (20_000).to_bytes(4) + (10).to_bytes(4)
    choose(page, ("poster.png", "image/png", header))
    page.wait_for_selector(".problem")
    assert "20,000 × 10 pixels; the longest side accepted is 16,384" in page.inner_text(".problem")


def test_a_heic_that_the_browser_cannot_draw_is_shown_by_the_services_picture(page: Any) -> None:
    pytest.importorskip("pi_heif")
    data = (Path(__file__).parents[1] / "handler/photo/heic/wide_6.heic").read_bytes()
    see_result(page, ("IMG_0001.HEIC", "", data))
    shown = manifest(page)
    assert "photo.jpg" in shown["outputs"]
    size = shown["source"]["width"], shown["source"]["height"]
    _, overlay = saved(page, "Overlay JPEG")
    assert Image.open(io.BytesIO(overlay)).size == size


def test_an_avif_is_shown_as_the_browser_draws_it(page: Any) -> None:
    data = encoded(painted(128, 96, red=(10, 20, 50, 60)), "AVIF", quality=95)
    see_result(page, ("photo.avif", "image/avif", data))
    assert page.locator(".row-name").all_inner_texts() == ["person 1"]
    assert "photo.jpg" not in manifest(page)["outputs"]


def test_what_is_no_photograph_inside_is_refused_by_the_service_with_words(page: Any) -> None:
    choose(page, ("live.heic", "image/heic", HEIC))
    page.wait_for_selector(".problem")
    assert "HEIC" in page.inner_text(".problem p")
