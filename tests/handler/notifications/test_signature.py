"""What docs/notifications.md shows is enough to check a message, and refuses everything else."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from webhook_receiver import SECRET, SECRET_BYTES

from handler.outbound.signature import read_secret, sign

PAGE = (Path(__file__).parents[3] / "docs/notifications.md").read_text()
BODY = '{"type":"detection.succeeded","data":{"key":"inbox/Grün.jpg"}}'.encode()

Check = Callable[[str, dict[str, str], bytes], bool]


@pytest.fixture(scope="module")
def check() -> Check:
    [code] = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    names: dict[str, Check] = {}
    exec(code, names)  # noqa: S102  # the page's own
    return names["is_from_maskdrop"]


def signed(at: float | None = None) -> dict[str, str]:
    return sign(SECRET_BYTES, "msg_1", int(time.time() if at is None else at), BODY)


def test_a_signed_message_is_ours(check: Check) -> None:
    assert check(SECRET, signed(), BODY)


@pytest.mark.parametrize(
    ("change", "body"),
    [
        ({}, BODY + b" "),
        ({"webhook-id": "msg_2"}, BODY),
        ({"webhook-timestamp": str(int(time.time()) - 7)}, BODY),
        ({"webhook-timestamp": "now"}, BODY),
        ({"webhook-signature": "v1,AAAA"}, BODY),
        ({"webhook-signature": "v1,%%%"}, BODY),
        ({"webhook-signature": ""}, BODY),
    ],
)
def test_a_changed_one_is_not(check: Check, change: dict[str, str], body: bytes) -> None:
    assert not check(SECRET, signed() | change, body)


def test_neither_is_an_old_one_nor_one_of_another_version(check: Check) -> None:
    assert not check(SECRET, signed(time.time() - 301), BODY)
    headers = signed()
    headers["webhook-signature"] = headers["webhook-signature"].replace("v1,", "v2,")
    assert not check(SECRET, headers, BODY)


def test_one_of_several_signatures_is_enough(check: Check) -> None:
    """As while a secret is replaced by another."""
    headers = signed()
    headers["webhook-signature"] = f"v1,AAAA {headers['webhook-signature']}"
    assert check(SECRET, headers, BODY)


def test_the_signature_is_the_specifications() -> None:
    """The example of Standard Webhooks' own text and libraries."""
    secret = read_secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    headers = sign(secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}')
    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
