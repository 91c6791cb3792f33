"""Where things live in the bucket: every prefix, and the keys under it.

uploads/{id}/{filename}        from the site, expires
inbox/…                        batch: every object created here is processed
results/{id}/manifest.json     written last
results/{id}/status.json       progress while it runs
results/{id}/{output}          masks and pictures
latest/{source key}.json       a copy of the newest manifest for that object
models/{name}/{version}/…
"""

from __future__ import annotations

import hashlib
from base64 import b32encode

UPLOADS = "uploads/"
INBOX = "inbox/"
RESULTS = "results/"
LATEST = "latest/"

# S3's limit on a key, in bytes of UTF-8.
MAX_KEY_BYTES = 1024


def manifest_key(result_id: str) -> str:
    """results/{id}/manifest.json"""
    return f"{RESULTS}{result_id}/manifest.json"


def status_key(result_id: str) -> str:
    """results/{id}/status.json"""
    return f"{RESULTS}{result_id}/status.json"


def output_key(result_id: str, name: str) -> str:
    """results/{id}/{name}, `name` as in `instances/000-person.png`."""
    return f"{RESULTS}{result_id}/{name}"


def latest_key(source_key: str) -> str:
    """latest/{source key}.json

    Where that would pass S3's 1,024 bytes, the source key is cut (between two
    characters) and the first 32 hex digits of its SHA-256 follow.
    """
    name = source_key.encode()
    room = MAX_KEY_BYTES - len(f"{LATEST}.json")
    if len(name) > room:
        digest = hashlib.sha256(name).hexdigest()[:32]
        cut = name[: room - len(digest) - 1].decode(errors="ignore")
        source_key = f"{cut}-{digest}"
    return f"{LATEST}{source_key}.json"


def digest_id(text: str) -> str:
    """52 characters of a-z and 2-7: base32 of the text's SHA-256, as URLs and keys take it."""
    return b32encode(hashlib.sha256(text.encode()).digest()).decode().rstrip("=").lower()
