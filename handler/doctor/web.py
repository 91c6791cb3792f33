"""What an HTTP answer gives away: the clock, the region, who may call."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from urllib.parse import quote

import httpx2

from handler.doctor.findings import CannotTell, Trouble

# S3 refuses signatures that are 15 minutes off; a clock set by NTP is not off at all.
MAX_SKEW_S = 60


def check_clock(answer: httpx2.Response) -> str:
    """Hold our clock against the server's Date header."""
    try:
        theirs = parsedate_to_datetime(answer.headers["Date"])
    except (KeyError, ValueError):
        raise CannotTell(f"{answer.url.host} says no date.") from None
    skew = (datetime.now(UTC) - theirs).total_seconds()
    direction = "ahead of" if skew > 0 else "behind"
    if abs(skew) > MAX_SKEW_S:
        raise Trouble(
            f"This machine's clock is {abs(skew):.0f} s {direction} {answer.url.host}; "
            f"presigned links are signed by it.",
            "Set the clock; it should ask a time server (timedatectl set-ntp true).",
        )
    return f"As {answer.url.host}'s, within {MAX_SKEW_S} s."


def check_region(answer: httpx2.Response, region: str) -> str:
    """Hold MASKDROP_REGION against the region that S3 names, whether it lets us in or not."""
    actual = answer.headers.get("x-amz-bucket-region")
    if actual is None:
        raise CannotTell(f"{answer.url.host} names no region, as Amazon S3 does.")
    if actual != region:
        raise Trouble(
            f"The bucket is in {actual}; MASKDROP_REGION is {region}, so links are redirected and "
            "browsers refuse them.",
            f"Set MASKDROP_REGION={actual}.",
        )
    return f"{region}, as the bucket's."


def object_url(form_url: str, key: str) -> str:
    """Name the object that a form makes: the bucket itself may answer for any site's pages."""
    return f"{form_url.rstrip('/')}/{quote(key)}"


def check_preflight(http: httpx2.Client, url: str, origin: str) -> str:
    """Ask as a browser does before a page of `origin` may POST to `url`."""
    answer = http.options(
        url,
        headers={
            "Origin": origin,
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "content-type",
        },
    )
    allowed = answer.headers.get("Access-Control-Allow-Origin")
    methods = answer.headers.get("Access-Control-Allow-Methods", "")
    if allowed not in (origin, "*") or not ("POST" in methods or methods == "*"):
        raise Trouble(f"Pages of {origin} may not POST to {answer.url.host}.")
    return f"Pages of {origin} may POST to {answer.url.host}."
