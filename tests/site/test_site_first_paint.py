"""The first screen on a slow line: drawn from HTML and a few style sheets, before any script."""

import re
from typing import Any

import pytest
from site_stack import SiteStack
from visits import PHOTO, choose

# 50 kB/s with 400 ms to the server and back: a bad mobile network.
SLOW = {"offline": False, "latency": 400, "downloadThroughput": 50_000, "uploadThroughput": 50_000}
# Measured: 1.9 to 2.1 s on a busy machine; with modules before styles it took 6.6 s.
LIMIT_MS = 2500
_PAINT = """() => performance.getEntriesByName("first-contentful-paint")[0]?.startTime"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_first_screen_is_drawn_soon_and_in_its_theme(
    context: Any, site: SiteStack, scheme: str
) -> None:
    page = context.new_page()
    page.emulate_media(color_scheme=scheme)
    network = context.new_cdp_session(page)
    network.send("Network.enable")
    network.send("Network.emulateNetworkConditions", SLOW)
    page.goto(site.url, wait_until="commit")
    page.wait_for_selector(".hero h1")
    assert page.locator("html").get_attribute("data-theme") == scheme
    page.wait_for_selector("#root > .page[data-drawn]", timeout=30_000)
    painted = page.evaluate(_PAINT)
    print(f"first contentful paint, {scheme}: {painted:.0f} ms")
    assert painted < LIMIT_MS


def test_a_page_whose_scripts_never_come_shows_the_first_screen(
    context: Any, site: SiteStack
) -> None:
    page = context.new_page()
    page.route(re.compile(r"/js/(?!boot)"), lambda route: None)
    page.goto(site.url, wait_until="commit")
    page.wait_for_selector(".dropzone")
    assert page.locator(".sample img").count() == 2


def test_photographs_chosen_before_the_script_came_are_taken(context: Any, site: SiteStack) -> None:
    page = context.new_page()
    held: list[Any] = []
    page.route("**/config.json", lambda route: held.append(route))
    page.goto(site.url)
    choose(page, PHOTO)
    page.wait_for_timeout(200)
    held[0].continue_()
    page.wait_for_selector(".result")
