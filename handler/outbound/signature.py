"""Signatures as Standard Webhooks defines them, so that its libraries check ours.

    webhook-id         of the message; stays when it is sent again
    webhook-timestamp  seconds since 1970, of this try
    webhook-signature  v1,base64(HMAC-SHA256(secret, "{id}.{timestamp}.{body}"))

https://github.com/standard-webhooks/standard-webhooks
"""

from __future__ import annotations

import hashlib
import hmac
from base64 import b64decode, b64encode

PREFIX = "whsec_"
# What the specification asks for, bytes.
MIN_BYTES, MAX_BYTES = 24, 64


def read_secret(text: str) -> bytes:
    """The bytes of a secret as it is written, `whsec_…`; raises ValueError, never naming it."""
    try:
        secret = b64decode(text.removeprefix(PREFIX), validate=True)
    except ValueError:
        raise ValueError("MASKDROP_WEBHOOK_SECRET is not whsec_ and base64.") from None
    if not MIN_BYTES <= len(secret) <= MAX_BYTES:
        raise ValueError(
            f"MASKDROP_WEBHOOK_SECRET has {len(secret)} bytes; "
            f"{MIN_BYTES} to {MAX_BYTES} are expected."
        )
    return secret


def sign(secret: bytes, identity: str, timestamp: int, body: bytes) -> dict[str, str]:
    """The three headers of a message."""
    signed = b".".join((identity.encode(), str(timestamp).encode(), body))
    digest = hmac.new(secret, signed, hashlib.sha256).digest()
    return {
        "webhook-id": identity,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": f"v1,{b64encode(digest).decode()}",
    }
