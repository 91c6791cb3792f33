"""The images of Label Studio's tasks: where they may be, and how they are read.

in our bucket        s3://bucket/key, a link to it, or Label Studio's own way of writing either
at Label Studio      /data/upload/…, /data/local-files/…, at the host that the owner named

Anything else is refused: nothing is fetched from an address that a request names.
"""

from __future__ import annotations

import json
import re
from base64 import b64decode
from binascii import Error as Base64Error
from urllib.parse import parse_qs, quote, unquote, urlsplit

from handler.bucket.keys import SCHEME, split_url
from handler.bucket.objects import ObjectStore
from handler.errors import AddressRefused, BadKey, HostUnavailable, ImageTooLarge
from handler.outbound.guarded_http import Answer, Rules, request
from handler.settings import Settings

# For a photograph of the largest size allowed, from a host nearby, seconds.
FETCH_SECONDS = 30
_MAX_TOKEN_BYTES = 65536
_AWS_HOST = re.compile(r"(?:(?P<bucket>.+)\.)?s3(?:[.-][a-z0-9-]+)?\.amazonaws\.com")
_JWT_PARTS = 3


def bucket_key(address: str, store: ObjectStore) -> str | None:
    """The key of an object of our bucket; None for an address elsewhere.

    Raises AddressRefused for another bucket's s3:// address, and BadKey.
    """
    address = _resolved(address)
    if address.startswith((SCHEME, "gs://")):
        bucket, key = split_url(address.replace("gs://", SCHEME, 1))
        if bucket != store.bucket:
            raise AddressRefused(f"The image is in bucket {bucket!r}; ours is {store.bucket!r}.")
        return key
    url = urlsplit(address)
    if url.scheme not in ("http", "https"):
        return None
    path = unquote(url.path)
    return _below_our_links(url.netloc, path, store) or _at_aws(url.netloc, path, store.bucket)


def is_at_label_studio(address: str, settings: Settings) -> bool:
    """Whether an address is a path of Label Studio's, or a link to the host that was named."""
    if not settings.labelstudio_url:
        return False
    own, url = urlsplit(settings.labelstudio_url), urlsplit(address)
    same = (url.scheme, url.netloc) == (own.scheme, own.netloc)
    return url.path.startswith("/data/") and (same or not (url.scheme or url.netloc))


def fetch_from_label_studio(address: str, settings: Settings) -> bytes:
    """Read an image that Label Studio serves.

    Raises AddressRefused, HostUnavailable and ImageTooLarge.
    """
    if not settings.labelstudio_url:
        raise refuse_elsewhere(address)
    own, url = urlsplit(settings.labelstudio_url), urlsplit(address)
    if ".." in unquote(url.path).split("/"):
        raise AddressRefused("The image's address has `..` in its path.")
    # Its own URL with this path: the host is never the request's.
    query = quote(url.query, safe="=&%/+~")
    path = quote(unquote(url.path)) + (f"?{query}" if query else "")
    limit = settings.image_limits.max_bytes
    rules = Rules(settings.private_hosts, FETCH_SECONDS, limit)
    target = f"{own.scheme}://{own.netloc}{path}"
    answer = request("GET", target, rules, headers=_authorization(settings))
    if answer.status != 200:
        raise HostUnavailable(
            f"Label Studio answered {answer.status} for {path.partition('?')[0]}."
        )
    if not answer.is_whole:
        raise ImageTooLarge(f"The image is larger than {limit:,} bytes, or was cut short.")
    return answer.body


def _resolved(address: str) -> str:
    """The address behind /tasks/1/resolve/?fileuri=…, where it is one."""
    url = urlsplit(address)
    encoded = parse_qs(url.query).get("fileuri") if url.path.startswith("/tasks/") else None
    if not encoded:
        return address
    try:
        return b64decode(encoded[0], validate=True).decode()
    except (Base64Error, UnicodeDecodeError):
        raise BadKey("The image's fileuri is not base64.") from None


def _below_our_links(host: str, path: str, store: ObjectStore) -> str | None:
    """The key where the address begins as the links do that we make."""
    own = urlsplit(store.presign_get("x", expires_in=60))
    prefix = own.path.removesuffix("x")
    return path.removeprefix(prefix) if host == own.netloc and path.startswith(prefix) else None


def _at_aws(host: str, path: str, bucket: str) -> str | None:
    """The key where the address is one of the ways to write ours at AWS."""
    if not (found := _AWS_HOST.fullmatch(host)):
        return None
    if found["bucket"]:
        return path.removeprefix("/") if found["bucket"] == bucket else None
    prefix = f"/{bucket}/"
    return path.removeprefix(prefix) if path.startswith(prefix) else None


def _authorization(settings: Settings) -> dict[str, str]:
    """Label Studio's legacy token as it is; a personal access token is first exchanged."""
    token = settings.labelstudio_token
    if not token:
        return {}
    if len(token.split(".")) != _JWT_PARTS:
        return {"Authorization": f"Token {token}"}
    own = urlsplit(settings.labelstudio_url or "")
    answer = request(
        "POST",
        f"{own.scheme}://{own.netloc}/api/token/refresh/",
        Rules(settings.private_hosts, max_bytes=_MAX_TOKEN_BYTES),
        headers={"Content-Type": "application/json"},
        body=json.dumps({"refresh": token}).encode(),
    )
    return {"Authorization": f"Bearer {_access_token(answer)}"}


def _access_token(answer: Answer) -> str:
    try:
        token = json.loads(answer.body)["access"] if answer.status == 200 else None
    except (ValueError, KeyError, TypeError):
        token = None
    if not isinstance(token, str) or not token.isascii() or not token.isprintable():
        raise HostUnavailable(
            f"Label Studio answered {answer.status} to MASKDROP_LABELSTUDIO_TOKEN."
        )
    return token


def refuse_elsewhere(address: str) -> AddressRefused:
    """The error for an image that is at neither place."""
    host = urlsplit(address).netloc
    where = f"at {host!r}" if host else "a path of Label Studio"
    return AddressRefused(
        f"The image is {where}; it has to be in our bucket, or at MASKDROP_LABELSTUDIO_URL."
    )
