"""HTTP requests to hosts that the owner named in a setting, and to no other place.

What a server must not be talked into is refused here, for webhooks and for fetched images alike:

redirects          never followed; a 3xx is an answer like any other
private addresses  refused unless the owner allows them; cloud metadata services always
DNS rebinding      the address that was checked is the one that is connected to
slow answers       one deadline for the whole exchange, one limit on the answer's bytes

Proxies of the environment are not used: one would connect to addresses that nobody checked.
"""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from http.client import HTTPConnection, HTTPException, HTTPResponse
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from socket import SHUT_RDWR, SOCK_STREAM, create_connection, getaddrinfo, socket
from threading import Timer
from urllib.parse import urlsplit

from handler.errors import AddressRefused, HostUnavailable

Address = IPv4Address | IPv6Address

# The metadata services of clouds that are not on a link-local address.
_METADATA = {ip_address("fd00:ec2::254"), ip_address("100.100.100.200")}
# Networks of IPv6 in whose last 32 bits an address of IPv4 stands.
_TRANSLATED = IPv6Network("64:ff9b::/96")
_PORTS = {"http": 80, "https": 443}
_CHUNK = 65536


@dataclass(frozen=True, slots=True)
class Rules:
    """What a request may do.

    private: whether private and loopback addresses, and plain HTTP, are allowed.
    seconds: from the connection to the end of the answer; looking up the name comes on top.
    max_bytes: of the answer's body that are read.
    """

    private: bool = False
    seconds: float = 10
    max_bytes: int = 65536


@dataclass(frozen=True, slots=True)
class Answer:
    """What the host answered; a body past the limit is cut and `is_whole` is false."""

    status: int
    body: bytes
    is_whole: bool


@dataclass(frozen=True, slots=True)
class Target:
    """A URL in its parts; `path` has the query too."""

    scheme: str
    host: str
    port: int
    path: str


def parse_url(url: str, *, private: bool) -> Target:
    """Take a URL apart; raises AddressRefused for one that is not to be asked.

    Messages name the host alone: a path or a query may hold a secret.
    """
    try:
        parts = urlsplit(url)
        port, host = parts.port, parts.hostname or ""
    except ValueError as error:
        raise AddressRefused(f"The URL is not valid: {error}.") from None
    if parts.scheme not in _PORTS or not host:
        raise AddressRefused("The URL is not https:// and a host.")
    if parts.scheme == "http" and not private:
        raise AddressRefused(f"The URL of {host} is http://; https:// is expected.")
    if parts.username is not None or parts.password is not None:
        raise AddressRefused(f"The URL of {host} has a user name or password in it.")
    if not url.isascii() or any(each <= " " or each == "\x7f" for each in url):
        raise AddressRefused(f"The URL of {host} has characters that need percent-encoding.")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Target(parts.scheme, host, port or _PORTS[parts.scheme], path)


def is_allowed(address: Address, *, private: bool) -> bool:
    """Whether an address may be connected to."""
    real = _unwrapped(address)
    if (
        real in _METADATA
        or real.is_link_local
        or real.is_multicast
        or real.is_unspecified
        or real == ip_address("255.255.255.255")
    ):
        return False
    return private or real.is_global


def request(
    method: str,
    url: str,
    rules: Rules,
    *,
    headers: Mapping[str, str] | None = None,
    body: bytes | None = None,
) -> Answer:
    """Send one request.

    Raises AddressRefused for an address that is not allowed, and HostUnavailable where no
    answer comes within the time.
    """
    target = parse_url(url, private=rules.private)
    address = _resolve(target, rules)
    connection = _Pinned(target, address, rules.seconds)
    clock = Timer(rules.seconds, lambda: _shut(connection.opened))
    clock.daemon = True
    clock.start()
    try:
        connection.request(method, target.path, body=body, headers=dict(headers or {}))
        return _read(connection.getresponse(), rules.max_bytes)
    except (OSError, HTTPException, ValueError) as error:
        raise HostUnavailable(_trouble(target, error, clock, rules)) from None
    finally:
        clock.cancel()
        connection.close()


def _unwrapped(address: Address) -> Address:
    """The IPv4 address that one of IPv6 stands for, where it does."""
    if isinstance(address, IPv4Address):
        return address
    if address.teredo:
        return address.teredo[1]
    if address in _TRANSLATED:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or address


def _resolve(target: Target, rules: Rules) -> str:
    """The address to connect to; every address of the name has to be allowed."""
    try:
        found = getaddrinfo(target.host, target.port, type=SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise HostUnavailable(f"{target.host} has no address: {error}.") from None
    addresses = [str(each[4][0]) for each in found]
    for each in addresses:
        if not is_allowed(ip_address(each.partition("%")[0]), private=rules.private):
            hint = "" if rules.private else "; MASKDROP_PRIVATE_HOSTS=true allows private ones"
            raise AddressRefused(f"{target.host} is at {each}, which is not allowed{hint}.")
    return addresses[0]


class _Pinned(HTTPConnection):
    """A connection to the address that was checked, whatever the name leads to by now.

    `opened` is the socket for as long as the answer is read, which `sock` is not.
    """

    def __init__(self, target: Target, address: str, seconds: float) -> None:
        super().__init__(target.host, target.port, timeout=seconds)
        self._target = target
        self._address = address
        self.opened: socket | None = None

    def connect(self) -> None:
        """Connect to the address; with TLS the certificate has to be the name's."""
        self.opened = create_connection((self._address, self.port), self.timeout)
        if self._target.scheme == "https":
            self.opened = _tls().wrap_socket(self.opened, server_hostname=self.host)
        self.sock = self.opened


@cache
def _tls() -> ssl.SSLContext:
    return ssl.create_default_context()


def _read(answer: HTTPResponse, max_bytes: int) -> Answer:
    parts, size = [], 0
    while size <= max_bytes and (part := answer.read(min(_CHUNK, max_bytes + 1 - size))):
        parts.append(part)
        size += len(part)
    body = b"".join(parts)
    missing = answer.length or 0
    return Answer(answer.status, body[:max_bytes], size <= max_bytes and not missing)


def _shut(sock: socket | None) -> None:
    """End an exchange from another thread; whoever waits for bytes hears of it."""
    try:
        if sock is not None:
            sock.shutdown(SHUT_RDWR)
    except OSError:
        pass


def _trouble(target: Target, error: Exception, clock: Timer, rules: Rules) -> str:
    if isinstance(error, TimeoutError) or clock.finished.is_set():
        return f"{target.host} did not answer within {rules.seconds:g} s."
    return f"{target.host} cannot be asked: {error or type(error).__name__}."
