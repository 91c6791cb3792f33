"""The site in Firefox: the same cut-outs, and a photograph's way from the button to its masks.

`make test-site-firefox` runs it; the default run has Chromium alone.
"""

from __future__ import annotations

import io
import os
from base64 import b64decode
from collections.abc import Iterator
from pathlib import Path

import pytest
from firefox import FirefoxPage, firefox_page
from orientations import KINDS, LARGE, SHAPES, compare
from PIL import Image
from service import squares
from site_stack import SiteStack, site_stack

pytestmark = pytest.mark.skipif(
    not os.environ.get("MASKDROP_FIREFOX"), reason="make test-site-firefox runs it"
)
PHONE, DESKTOP = (390, 844), (1440, 900)


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SiteStack]:
    with site_stack(tmp_path_factory.mktemp("site")) as stack:
        yield stack


@pytest.fixture
def page(stack: SiteStack, tmp_path: Path) -> Iterator[FirefoxPage]:
    with firefox_page(tmp_path) as page:
        page.goto(stack.url)
        page.wait_for("#root > .page[data-drawn]")
        yield page
        assert page.complaints == []


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("kind", KINDS)
def test_photographs_are_cut_out_as_by_the_service(
    page: FirefoxPage, stack: SiteStack, kind: str, shape: str
) -> None:
    for orientation in range(1, 9):
        compare(page, stack, kind, SHAPES[shape], orientation)


@pytest.mark.parametrize("kind", KINDS)
def test_large_photographs_are_cut_out_as_by_the_service(
    page: FirefoxPage, stack: SiteStack, kind: str
) -> None:
    compare(page, stack, kind, LARGE["landscape"], 6)


@pytest.mark.parametrize("size", [PHONE, DESKTOP])
def test_a_chosen_photograph_shows_its_masks(
    page: FirefoxPage, tmp_path: Path, size: tuple[int, int]
) -> None:
    photo = tmp_path / "squares.png"
    photo.write_bytes(squares("red", "green", "blue"))
    page.resize(*size)
    page.choose("#choose", photo)
    page.wait_for(".row")
    assert page.evaluate("() => document.querySelectorAll('.row').length") == 3
    assert page.evaluate("() => document.documentElement.scrollWidth") <= size[0]
    shown = Image.open(io.BytesIO(b64decode(page.screenshot())))
    assert len(shown.convert("RGB").getcolors(1 << 24) or ()) > 10
    if folder := os.environ.get("MASKDROP_SCREENSHOTS"):
        shown.save(Path(folder) / f"firefox-{size[0]}.png")
