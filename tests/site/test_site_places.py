"""Places in the history, titles, and deletion by who uploaded."""

import re
from typing import Any

import pytest
import requests
from playwright.sync_api import expect
from service import squares
from site_stack import SiteStack
from visits import PHOTO, choose, copied, press, see_result

OTHER = ("other.png", "image/png", squares("blue", width=160))


def test_back_and_forward_lead_through_the_photographs(page: Any) -> None:
    expect(page).to_have_title("Maskdrop")
    see_result(page)
    expect(page).to_have_title("squares.png · Maskdrop")
    choose(page, OTHER)
    expect(page.locator("h1")).to_have_text("other.png")
    page.wait_for_selector(".result")
    page.go_back()
    expect(page).to_have_title("squares.png · Maskdrop")
    expect(page.locator(".row")).to_have_count(3)
    page.go_back()
    page.wait_for_selector(".dropzone")
    expect(page).to_have_title("Maskdrop")
    page.go_forward()
    page.go_forward()
    expect(page).to_have_title("other.png · Maskdrop")
    page.click(".header-name")
    page.wait_for_selector(".dropzone")
    page.go_back()
    expect(page.locator("h1")).to_have_text("other.png")


def test_a_shared_link_is_a_place_too(page: Any, browser: Any) -> None:
    see_result(page)
    link = copied(page, "Copy link")
    with browser.new_context() as stranger:
        visit = stranger.new_page()
        visit.goto(link.partition("#")[0])
        visit.wait_for_selector(".dropzone")
        visit.goto(link)
        visit.wait_for_selector(".result")
        expect(visit).to_have_title("squares.png · Maskdrop")
        visit.go_back()
        visit.wait_for_selector(".dropzone")
        visit.go_forward()
        visit.wait_for_selector(".result")


def test_arrow_keys_lead_to_the_photographs_beside(page: Any) -> None:
    choose(page, PHOTO, OTHER)
    page.locator(".card.is-succeeded").nth(1).wait_for()
    expect(page.locator("h1")).to_have_text("squares.png")
    page.keyboard.press("ArrowRight")
    expect(page.locator("h1")).to_have_text("other.png")
    page.keyboard.press("ArrowRight")
    press(page, "Previous photo (left arrow)")
    expect(page.locator("h1")).to_have_text("squares.png")
    # A slider that has the focus keeps its keys.
    page.locator("#score").focus()
    page.keyboard.press("ArrowRight")
    expect(page.locator("h1")).to_have_text("squares.png")


def test_a_card_is_deleted_with_all_that_the_service_has_of_it(page: Any, site: SiteStack) -> None:
    see_result(page, ("mine.png", "image/png", squares("red", width=170)))
    result = page.url.rpartition("/")[2]
    page.get_by_role("button", name="Delete mine.png").click()
    expect(page.get_by_role("dialog", name="Delete mine.png?")).to_be_visible()
    expect(page.get_by_role("button", name="Keep")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    assert stored(site, result)
    page.get_by_role("button", name="Delete mine.png").click()
    press(page, "Delete")
    expect(page.locator(".card")).to_have_count(0)
    assert not stored(site, result)
    assert requests.get(f"{site.api_url}v1/detections/{result}", timeout=10).status_code == 404


def test_a_cancelled_upload_is_deleted(page: Any, site: SiteStack) -> None:
    page.route("**/v1/detections", lambda route: None, times=1)
    choose(page, ("stop.png", "image/png", squares("red", width=180)))
    expect(page.locator(".card.is-queued")).to_be_visible()
    assert uploads(site, "stop.png")
    press(page, "Cancel stop.png")
    page.wait_for_selector(".card.is-cancelled")
    for _ in range(50):
        if not uploads(site, "stop.png"):
            break
        page.wait_for_timeout(100)
    assert not uploads(site, "stop.png")
    press(page, "Try stop.png again")
    page.wait_for_selector(".card.is-succeeded")


def test_all_of_ones_photographs_are_deleted_with_one_question(page: Any, site: SiteStack) -> None:
    choose(
        page, ("a.png", "image/png", squares("red", width=190)), ("b.txt", "text/plain", b"text")
    )
    page.locator(".card.is-succeeded").wait_for()
    press(page, "Delete all")
    press(page, "Delete")
    expect(page.locator(".card")).to_have_count(0)
    assert not uploads(site, "a.png")


def test_a_deletion_that_fails_keeps_the_card_and_its_secret(page: Any, site: SiteStack) -> None:
    see_result(page, ("keep.png", "image/png", squares("red", width=200)))
    refuse = {"status": 403, "body": "{}", "headers": {"Access-Control-Allow-Origin": site.url}}

    def answer(route: Any) -> None:
        if route.request.method == "DELETE":
            route.fulfill(**refuse)
        else:
            route.continue_()

    page.route("**/v1/detections/*", answer)
    page.get_by_role("button", name="Delete keep.png").click()
    press(page, "Delete")
    page.wait_for_selector(".card.is-failed")
    page.unroute("**/v1/detections/*")
    page.get_by_role("button", name="Delete keep.png").click()
    press(page, "Delete")
    expect(page.locator(".card")).to_have_count(0)
    assert not uploads(site, "keep.png")


def test_the_first_screen_says_what_the_model_knows(page: Any) -> None:
    expect(page.locator(".hero p")).to_have_text(re.compile("people, cats and dogs"))


@pytest.mark.parametrize("width", [210])
def test_a_photograph_of_nothing_known_says_what_is_known(page: Any, width: int) -> None:
    see_result(page, ("grey.png", "image/png", squares(width=width)))
    assert "None of the things that the model knows" in page.inner_text(".list-empty")
    assert page.locator(".list-empty li").all_inner_texts() == ["person", "cat", "dog"]


def stored(site: SiteStack, result: str) -> list[Any]:
    return list(site.stack.store.list_objects(f"results/{result}"))


def uploads(site: SiteStack, name: str) -> list[str]:
    return [
        each.key for each in site.stack.store.list_objects("uploads/") if each.key.endswith(name)
    ]
