"""What goes wrong on the way, and how it goes on."""

from typing import Any

from service import squares
from site_stack import SiteStack
from visits import PHOTO, choose, press, see_result


def test_a_failed_upload_is_told_and_can_be_tried_again(page: Any, site: SiteStack) -> None:
    bucket = f"{site.stack.s3.endpoint_url}/**"
    page.route(bucket, lambda route: route.fulfill(status=500))
    choose(page, PHOTO)
    page.wait_for_selector(".problem")
    assert "did not take the photo (status 500)" in page.inner_text(".problem")
    page.unroute(bucket)
    press(page, "Try again")
    page.wait_for_selector(".result")


def test_an_expired_form_is_renewed_without_a_word(page: Any, site: SiteStack) -> None:
    expired = "<Error><Code>AccessDenied</Code><Message>Policy expired.</Message></Error>"
    page.route(
        f"{site.stack.s3.endpoint_url}/**",
        lambda route: route.fulfill(
            status=403, body=expired, headers={"Access-Control-Allow-Origin": site.url}
        ),
        times=1,
    )
    see_result(page)
    assert page.locator(".row").count() == 3


def test_a_lost_connection_is_made_good_by_itself(page: Any, context: Any) -> None:
    context.set_offline(True)
    page.wait_for_selector(".notice.offline")
    choose(page, PHOTO)
    page.wait_for_selector(".problem")
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
