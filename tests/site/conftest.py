"""A real browser in front of the whole product; skipped with its cure where there is none."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from site_stack import SiteStack, site_stack

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
CURE = "no Chromium is installed; this cures it: sudo apt-get install --yes chromium"
# Chromium's own reports of answers that a test provokes; ours would be another text.
PROVOKED = "Failed to load resource"


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    if CHROMIUM is None:
        if os.environ.get("CI"):
            pytest.fail(CURE)
        pytest.skip(CURE)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        # A container's root has no sandbox; the pages are our own.
        options = ["--no-sandbox", "--disable-quic", "--disable-background-networking"]
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=options)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def site(browser: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SiteStack]:
    # After the browser: where there is none, nothing is started.
    with site_stack(tmp_path_factory.mktemp("site")) as stack:
        yield stack


@pytest.fixture
def context(browser: Any, site: SiteStack) -> Iterator[Any]:
    """A visitor: nothing stored, and no complaint or foreign request may come of the visit."""
    context = browser.new_context(
        viewport={"width": 1280, "height": 900},
        accept_downloads=True,
        permissions=["clipboard-read", "clipboard-write"],
    )
    context.set_default_timeout(15_000)
    complaints: list[str] = []
    hosts: set[str] = set()
    context.on("console", lambda message: _note(complaints, message))
    context.on("weberror", lambda error: complaints.append(str(error.error)))
    context.on("request", lambda request: hosts.add(urlsplit(request.url).netloc))
    yield context
    context.close()
    assert complaints == []
    own = {urlsplit(url).netloc for url in (site.url, site.api_url, site.stack.s3.endpoint_url)}
    assert hosts - {""} <= own


@pytest.fixture
def page(context: Any, site: SiteStack) -> Any:
    """The site, opened."""
    page = context.new_page()
    page.goto(site.url)
    page.wait_for_selector("#root > .page[data-drawn]")
    return page


def _note(complaints: list[str], message: Any) -> None:
    if message.type in ("error", "warning") and not message.text.startswith(PROVOKED):
        complaints.append(message.text)
