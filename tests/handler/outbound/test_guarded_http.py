"""Requests to hosts that the owner named: no redirect, no private address, no endless answer."""

from __future__ import annotations

import time
from ipaddress import ip_address

import pytest
from webhook_receiver import webhook_receiver

from handler.errors import AddressRefused, HostUnavailable
from handler.outbound import guarded_http
from handler.outbound.guarded_http import Rules, is_allowed, parse_url, request
from handler.outbound.signature import sign

OPEN = Rules(private=True, seconds=1)


@pytest.mark.parametrize("address", ["8.8.8.8", "2606:4700:4700::1111", "::ffff:8.8.8.8"])
def test_public_addresses_are_allowed(address: str) -> None:
    assert is_allowed(ip_address(address), private=False)


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "100.64.0.1",
        "0.0.0.0",  # noqa: S104
        "::1",
        "fd00::1",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "64:ff9b::10.0.0.1",
        "64:ff9b::7f00:1",
        "2002:0a00:0001::1",
        "192.0.2.1",
        "198.18.0.1",
    ],
)
def test_private_addresses_are_not(address: str) -> None:
    assert not is_allowed(ip_address(address), private=False)


@pytest.mark.parametrize("address", ["127.0.0.1", "10.1.2.3", "fd00::1", "::1", "8.8.8.8"])
def test_the_owner_may_allow_private_ones(address: str) -> None:
    assert is_allowed(ip_address(address), private=True)


@pytest.mark.parametrize(
    "address",
    [
        "169.254.169.254",
        "169.254.170.2",
        "fd00:ec2::254",
        "100.100.100.200",
        "::ffff:169.254.169.254",
        "64:ff9b::a9fe:a9fe",
        "fe80::1",
        "224.0.0.1",
        "ff02::1",
        "0.0.0.0",  # noqa: S104
        "::",
        "255.255.255.255",
    ],
)
@pytest.mark.parametrize("private", [False, True])
def test_metadata_services_never_are(address: str, private: bool) -> None:
    assert not is_allowed(ip_address(address), private=private)


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("http://example.org/x", "https:// is expected"),
        ("ftp://example.org/x", "not https://"),
        ("file:///etc/passwd", "not https://"),
        ("https:///x", "not https://"),
        ("example.org", "not https://"),
        ("https://me:pw@example.org/x", "user name or password"),
        ("https://example.org:99999/x", "not valid"),
        ("https://example.org/a b", "percent-encoding"),
        ("https://example.org/\r\nHost: x", "percent-encoding"),
        ("https://[::1/x", "not valid"),
    ],
)
def test_urls_that_are_refused(url: str, words: str) -> None:
    with pytest.raises(AddressRefused, match=words):
        parse_url(url, private=False)


def test_a_refusal_does_not_repeat_the_secret_of_a_url() -> None:
    with pytest.raises(AddressRefused) as refusal:
        parse_url("http://example.org/services/T0KEN?key=S3CRET", private=False)
    assert "T0KEN" not in str(refusal.value)
    assert "S3CRET" not in str(refusal.value)


def test_loopback_is_refused_before_anything_is_sent() -> None:
    with webhook_receiver() as receiver:
        url = receiver.url.replace("http://127.0.0.1", "https://localhost")
        with pytest.raises(AddressRefused, match="MASKDROP_PRIVATE_HOSTS"):
            request("POST", url, Rules(), body=b"{}")
        assert receiver.tries == 0


def test_a_name_with_one_private_address_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """The resolver is a far side: a name that leads to both would need a real zone."""
    both = [(2, 1, 6, "", ("8.8.8.8", 443)), (2, 1, 6, "", ("10.0.0.1", 443))]
    monkeypatch.setattr(guarded_http, "getaddrinfo", lambda *_, **__: both)
    with pytest.raises(AddressRefused, match=r"10\.0\.0\.1"):
        request("GET", "https://rebind.example/", Rules())


def test_the_checked_address_is_the_one_that_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """The name has one address for the check and would have another afterwards."""
    with webhook_receiver() as receiver:
        port = int(receiver.url.split(":")[2].split("/")[0])
        answers = iter([[(2, 1, 6, "", ("127.0.0.1", port))]])
        monkeypatch.setattr(guarded_http, "getaddrinfo", lambda *_, **__: next(answers))
        answer = request(
            "POST", f"http://rebind.example:{port}/", OPEN, headers=unsigned(), body=b"{}"
        )
        assert answer.status == 401


def unsigned() -> dict[str, str]:
    return {"webhook-id": "x", "webhook-timestamp": "0", "webhook-signature": "v1,"}


def test_redirects_are_not_followed() -> None:
    headers = sign(bytes(range(32)), "x", int(time.time()), b"{}")
    with webhook_receiver(lambda _: "redirect") as receiver:
        answer = request("POST", receiver.url, OPEN, headers=headers, body=b"{}")
        assert (answer.status, receiver.paths) == (307, ["/hook"])


@pytest.mark.parametrize("fault", ["hang", "drip", "reset"])
def test_an_answer_that_does_not_come_ends_in_time(fault: str) -> None:
    headers = sign(bytes(range(32)), "x", int(time.time()), b"{}")
    rules = Rules(private=True, seconds=0.5)
    with webhook_receiver(lambda _: fault) as receiver:
        started = time.monotonic()
        with pytest.raises(HostUnavailable):
            request("POST", receiver.url, rules, headers=headers, body=b"{}")
        assert time.monotonic() - started < 1.5


def test_a_host_that_is_not_there() -> None:
    with pytest.raises(HostUnavailable):
        request("GET", "http://127.0.0.1:9/", OPEN)
    with pytest.raises(HostUnavailable, match="no address"):
        request("GET", "https://no-such-host.invalid/", Rules())
