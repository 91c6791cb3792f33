"""What goes wrong on the way, and how it goes on."""

import re
import time
from typing import Any

import pytest
from playwright.sync_api import expect
from service import squares
from site_stack import SiteStack
from visits import PHOTO, choose, press, see_result


def test_a_refused_upload_is_told_and_can_be_tried_again(page: Any, site: SiteStack) -> None:
    bucket = f"{site.stack.s3.endpoint_url}/**"
    page.route(bucket, lambda route: route.fulfill(status=400, headers=_open(site)))
    choose(page, PHOTO)
    page.wait_for_selector(".problem")
    assert "did not accept the photo (status 400)" in page.inner_text(".problem")
    expect(page.locator("[aria-live]")).to_have_text(re.compile("squares.png failed: "))
    page.unroute(bucket)
    press(page, "Try again")
    page.wait_for_selector(".result")


def test_a_service_that_is_away_for_a_moment_fails_no_photograph(
    page: Any, site: SiteStack
) -> None:
    until = time.monotonic() + 2.5

    def answer(route: Any) -> None:
        if time.monotonic() < until:
            route.abort("connectionrefused")
        else:
            route.continue_()

    page.route(f"{site.api_url}v1/**", answer)
    choose(page, *[(f"{n}.png", "image/png", squares("red", width=140 + n)) for n in range(4)])
    page.locator(".card.is-retrying").first.wait_for()
    words = page.locator(".card.is-retrying .card-state").first.inner_text()
    assert re.fullmatch(r"Failed\. Retrying in \d+ s", words)
    page.locator(".card.is-succeeded").nth(3).wait_for(timeout=30_000)
    assert page.locator(".card.is-failed").count() == 0


@pytest.mark.parametrize(
    ("method", "where", "status"),
    [
        ("POST", "v1/uploads", 429),
        ("POST", "v1/detections", 503),
        ("GET", "v1/detections", 503),
        ("GET", "v1/detections", 500),
        ("POST", "bucket", 503),
    ],
)
def test_one_failed_request_is_made_good(
    page: Any, site: SiteStack, method: str, where: str, status: int
) -> None:
    failed: list[float] = []
    asked: list[float] = []

    def answer(route: Any) -> None:
        if route.request.method != method:
            route.continue_()
            return
        asked.append(time.monotonic())
        if failed:
            route.continue_()
            return
        failed.append(time.monotonic())
        headers = {**_open(site), "Retry-After": "2"}
        route.fulfill(status=status, headers=headers, body="{}")

    base = site.stack.s3.endpoint_url if where == "bucket" else f"{site.api_url}{where}"
    page.route(f"{base}**" if where != "bucket" else f"{base}/**", answer)
    choose(page, PHOTO)
    page.wait_for_selector(".result")
    assert len(failed) == 1
    # Of the bucket's answers, CORS shows the page no Retry-After.
    assert asked[1] - failed[0] >= (0.45 if where == "bucket" else 1.95)


def test_what_failed_for_good_is_tried_again_with_one_click(page: Any, site: SiteStack) -> None:
    bucket = f"{site.stack.s3.endpoint_url}/**"
    page.route(bucket, lambda route: route.fulfill(status=400, headers=_open(site)))
    choose(page, *[(f"{n}.png", "image/png", squares("blue", width=150 + n)) for n in range(3)])
    page.locator(".card.is-failed").nth(2).wait_for()
    page.unroute(bucket)
    press(page, "Retry all (3)")
    page.locator(".card.is-succeeded").nth(2).wait_for()
    assert "3 of 3 photos done" in page.inner_text(".strip-summary")


def test_an_expired_form_is_renewed_without_a_word(page: Any, site: SiteStack) -> None:
    expired = "<Error><Code>AccessDenied</Code><Message>Policy expired.</Message></Error>"
    page.route(
        f"{site.stack.s3.endpoint_url}/**",
        lambda route: route.fulfill(status=403, body=expired, headers=_open(site)),
        times=1,
    )
    see_result(page)
    assert page.locator(".row").count() == 3


def test_a_lost_connection_is_made_good_by_itself(page: Any, context: Any) -> None:
    context.set_offline(True)
    page.wait_for_selector(".notice.offline")
    choose(page, PHOTO)
    page.wait_for_selector(".card.is-retrying")
    assert "Waiting for a connection" in page.inner_text(".progress-trouble")
    context.set_offline(False)
    page.wait_for_selector(".result")


def test_a_job_that_fails_says_why(page: Any) -> None:
    choose(page, ("torn.png", "image/png", squares("red", width=128, height=97)[:-100]))
    page.wait_for_selector(".problem")
    assert "truncated" in page.inner_text(".problem")


def test_a_cancelled_upload_stops_and_can_be_tried_again(page: Any, site: SiteStack) -> None:
    hold_next_upload(page, site)
    choose(page, PHOTO)
    page.wait_for_selector(".progress .step.now")
    press(page, "Cancel squares.png")
    page.wait_for_selector(".card.is-cancelled")
    press(page, "Try squares.png again")
    page.wait_for_selector(".card.is-succeeded")


def test_a_reload_in_mid_job_loses_nothing(page: Any, site: SiteStack) -> None:
    hold_next_upload(page, site)
    choose(page, PHOTO)
    page.wait_for_selector(".card.is-uploading")
    page.reload()
    page.wait_for_selector(".card.is-succeeded")
    page.click(".card-main")
    page.wait_for_selector(".result")
    assert page.locator(".row").count() == 3


def test_a_result_that_is_gone_says_so(page: Any, site: SiteStack) -> None:
    page.goto(f"{site.url}/#/r/{'a' * 52}")
    page.wait_for_selector(".problem")
    assert "expired or was deleted" in page.inner_text(".problem")


def hold_next_upload(page: Any, site: SiteStack) -> None:
    """Let the next upload hang as on a dead line."""
    page.route(f"{site.stack.s3.endpoint_url}/**", lambda route: None, times=1)


def test_a_page_without_storage_works_all_the_same(context: Any, site: SiteStack) -> None:
    page = context.new_page()
    page.add_init_script(
        "for (const name of ['localStorage', 'indexedDB'])"
        " Object.defineProperty(window, name,"
        " { get() { throw new DOMException('no', 'SecurityError'); } });"
    )
    page.goto(site.url)
    page.wait_for_selector("#root > .page[data-drawn]")
    press(page, "Use dark colours")
    see_result(page)


def test_a_page_on_plain_http_works_all_the_same(context: Any, site: SiteStack) -> None:
    """Where randomUUID, the clipboard and locks are missing, as on a LAN without TLS."""
    page = context.new_page()
    page.add_init_script(
        "delete Crypto.prototype.randomUUID;"
        "for (const name of ['clipboard', 'locks', 'storage', 'serviceWorker'])"
        " Object.defineProperty(Navigator.prototype, name, { get: () => undefined });"
    )
    page.goto(site.url)
    page.wait_for_selector("#root > .page[data-drawn]")
    see_result(page)
    press(page, "Copy link")
    page.get_by_text("Copied.").first.wait_for()


@pytest.mark.parametrize("path", ["js/main.js", "js/rle.js", "components/strip.js"])
def test_a_script_that_does_not_come_is_told(context: Any, site: SiteStack, path: str) -> None:
    page = context.new_page()
    page.route(f"**/{path}", lambda route: route.abort())
    page.goto(site.url)
    page.wait_for_selector("#failed", state="visible")
    assert "Drop a photo." in page.inner_text("h1")
    page.unroute(f"**/{path}")
    press(page, "Reload")
    page.wait_for_selector("#root > .page[data-drawn]")
    assert page.locator("#failed").is_hidden()


def test_a_sample_that_does_not_come_is_told(page: Any) -> None:
    page.route("**/samples/chelsea.jpg", lambda route: route.fulfill(status=404))
    page.click(".sample")
    page.get_by_text("The sample could not be loaded").first.wait_for()


def test_settings_that_do_not_come_are_told(context: Any, site: SiteStack) -> None:
    page = context.new_page()
    page.route("**/config.json", lambda route: route.fulfill(status=404))
    page.goto(site.url)
    page.wait_for_selector(".problem")
    assert "config.json" in page.inner_text(".problem")
    page.unroute("**/config.json")
    press(page, "Try again")
    page.wait_for_selector("#choose")


def test_two_tabs_detect_a_photograph_once(context: Any, page: Any, site: SiteStack) -> None:
    asked: list[str] = []
    context.on("request", lambda each: asked.append(each.url) if each.method == "POST" else None)
    held = []
    page.route(f"{site.stack.s3.endpoint_url}/**", lambda route: held.append(route), times=1)
    choose(page, PHOTO)
    page.wait_for_selector(".card.is-uploading")
    other = context.new_page()
    other.goto(site.url)
    other.wait_for_selector(".card")
    other.wait_for_timeout(500)
    held[0].continue_()
    for each in (page, other):
        each.wait_for_selector(".card.is-succeeded")
    assert sum(url.endswith("/v1/uploads") for url in asked) == 1
    assert sum(url.endswith("/v1/detections") for url in asked) == 1


def test_a_tab_goes_on_with_what_a_closed_one_left(
    context: Any, page: Any, site: SiteStack
) -> None:
    hold_next_upload(page, site)
    choose(page, PHOTO)
    page.wait_for_selector(".card.is-uploading")
    other = context.new_page()
    other.goto(site.url)
    other.wait_for_selector(".card")
    page.close()
    other.wait_for_selector(".card.is-succeeded")


def _open(site: SiteStack) -> dict[str, str]:
    """What lets the page read an answer of another origin."""
    return {"Access-Control-Allow-Origin": site.url, "Access-Control-Expose-Headers": "Retry-After"}
