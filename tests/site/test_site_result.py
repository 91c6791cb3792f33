"""The result: what acts on the canvas, and where things are on it."""

import io
from base64 import b64decode
from typing import Any

import pytest
from painting import painted
from PIL import Image
from visits import pixels, press, see_result, slide


def test_the_score_slider_hides_without_a_new_inference(page: Any) -> None:
    see_result(page)
    before, asked = pixels(page), []
    page.on("request", lambda request: asked.append(request.url))
    slide(page, "#score", 1)
    assert pixels(page) != before
    assert page.locator(".row").count() == 0
    assert asked == []


def test_a_class_chip_takes_its_masks_off_and_puts_them_back(page: Any) -> None:
    see_result(page)
    before = pixels(page)
    chip = page.locator(".chip", has_text="cat")
    chip.click()
    assert pixels(page) != before
    assert page.locator(".row").count() == 2
    chip.click()
    assert pixels(page) == before


def test_the_mask_threshold_makes_masks_tighter(page: Any) -> None:
    see_result(page)
    slide(page, "#mask-threshold", 0.1)
    full = covered(page)
    slide(page, "#mask-threshold", 0.9)
    assert 0 < covered(page) < full


@pytest.mark.parametrize("mode", ["Outline", "Cut-out"])
def test_views_look_different(page: Any, mode: str) -> None:
    see_result(page)
    before = pixels(page)
    press(page, mode)
    assert pixels(page) != before


def test_pointing_at_a_mask_raises_it_in_the_list(page: Any) -> None:
    see_result(page)
    box = page.locator("#masks").bounding_box()
    # The red square's middle: 20, 35 of 128 × 96, which stand in the middle of the stage.
    scale = min(box["width"] / 128, box["height"] / 96)
    x = box["x"] + box["width"] / 2 + (20 - 64) * scale
    page.mouse.move(x, box["y"] + box["height"] / 2 + (35 - 48) * scale)
    page.wait_for_selector(".row.raised")
    assert "person" in page.inner_text(".row.raised")


def test_focusing_a_row_raises_its_mask(page: Any) -> None:
    see_result(page)
    before = pixels(page)
    page.locator(".row-main").first.focus()
    page.wait_for_selector(".row.raised")
    assert pixels(page) != before


def test_keys_zoom_and_come_back(page: Any) -> None:
    see_result(page)
    before = pixels(page)
    page.locator("#stage").focus()
    page.keyboard.press("+")
    page.keyboard.press("ArrowRight")
    page.wait_for_selector("#stage.zoomed")
    assert pixels(page) != before
    page.keyboard.press("0")
    page.wait_for_selector("#stage:not(.zoomed)")
    assert pixels(page) == before


def test_before_and_after_share_the_stage(page: Any) -> None:
    see_result(page)
    press(page, "Before and after")
    slide(page, ".stage-divider", 0.25)
    pixels(page)
    clip = page.evaluate("getComputedStyle(document.querySelector('#masks')).clipPath")
    assert clip == "inset(0px 0px 0px 25%)"


@pytest.mark.parametrize(
    ("kind", "orientation"),
    [("JPEG", 3), ("JPEG", 6), ("JPEG", 8), ("PNG", 6), ("WebP", 5), ("WebP", 6), ("WebP", 8)],
)
def test_a_photo_that_was_stored_turned_stands_upright_under_its_masks(
    page: Any, kind: str, orientation: int
) -> None:
    see_result(page, ("phone", f"image/{kind.lower()}", turned(kind, orientation)))
    photo, masks = canvas(page, "photo"), canvas(page, "masks")
    assert looks_red(pixel(photo, 40, 30))
    assert pixel(masks, 40, 30)[3] > 0
    assert pixel(masks, 80, 110)[3] == 0


def pixel(shown: Image.Image, x: float, y: float) -> tuple[int, int, int, int]:
    """The pixel of a canvas that shows x, y of a whole 96 × 128 photograph."""
    scale = min(shown.width / 96, shown.height / 128)
    return shown.getpixel((shown.width / 2 + (x - 48) * scale, shown.height / 2 + (y - 64) * scale))


def looks_red(colour: tuple[int, int, int, int]) -> bool:
    red, green, blue, _ = colour
    return red > 150 > green + blue


def turned(kind: str, orientation: int) -> bytes:
    """A portrait photograph of a red person, stored as a camera held otherwise stores it."""
    upright = Image.fromarray(painted(96, 128, red=(20, 10, 60, 50)))
    turns = {
        3: Image.Transpose.ROTATE_180,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        8: Image.Transpose.ROTATE_270,
    }
    exif = Image.Exif()
    exif[0x0112] = orientation
    file = io.BytesIO()
    upright.transpose(turns[orientation]).save(file, kind, quality=95, exif=exif)
    return file.getvalue()


def canvas(page: Any, name: str) -> Image.Image:
    pixels(page)
    url = page.evaluate(f"document.querySelector('#{name}').toDataURL()")
    return Image.open(io.BytesIO(b64decode(url.partition(",")[2]))).convert("RGBA")


def covered(page: Any) -> int:
    """How many pixels of the canvas are masked."""
    alpha = canvas(page, "masks").getchannel("A")
    return sum(alpha.histogram()[1:])
