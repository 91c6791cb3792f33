"""Where things live in the bucket: every prefix, and the keys under it.

uploads/{id}/{filename}        from the site, expires
inbox/…                        batch: every object created here is processed
results/{id}/manifest.json     written last
results/{id}/status.json       progress while it runs
results/{id}/{output}          masks and pictures
results/notices/{id}.json      results that the webhook is still to be told of
latest/{source key}.json       a copy of the newest manifest for that object
models/{name}/{version}/…
backfill/{run}/report.json     what became of every object of a backfill, and what it is made from
"""

from __future__ import annotations

import hashlib
import re
from base64 import b32encode

from handler.errors import BadKey

# How command lines and MASKDROP_MODEL write an object of any store; MASKDROP_STORE says which.
SCHEME = "s3://"
UPLOADS = "uploads/"
INBOX = "inbox/"
RESULTS = "results/"
# No result's id, which has 52 characters.
NOTICES = f"{RESULTS}notices/"
LATEST = "latest/"
MODELS = "models/"
BACKFILL = "backfill/"
# What Maskdrop itself writes: never a photograph to detect in.
OURS = (RESULTS, LATEST, MODELS, BACKFILL)

# S3's limit on a key, in bytes of UTF-8.
MAX_KEY_BYTES = 1024
# What file systems take in a name, bytes of UTF-8.
MAX_FILENAME_BYTES = 255

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


def split_url(url: str) -> tuple[str, str]:
    """Split s3://bucket/prefix into bucket and prefix; raises BadKey where there is no bucket."""
    bucket, _, prefix = url.removeprefix(SCHEME).partition("/")
    if not bucket:
        raise BadKey(f"{url!r} names no bucket; s3://bucket/prefix is expected.")
    return bucket, prefix


def upload_key(upload_id: str, filename: str) -> str:
    """uploads/{id}/{filename}; raises BadKey for a name with a path or control characters in it."""
    if len(filename.encode()) > MAX_FILENAME_BYTES:
        raise BadKey(
            f"The file name has {len(filename.encode())} bytes; the limit is {MAX_FILENAME_BYTES}."
        )
    if filename in ("", ".", "..") or re.search(r"[/\\]", filename) or _CONTROL.search(filename):
        raise BadKey(f"{filename!r} is a path or no file name; a plain file name is expected.")
    if "${filename}" in filename:
        raise BadKey(f"{filename!r} holds ${{filename}}, which S3 would replace.")
    return f"{UPLOADS}{upload_id}/{filename}"


def check_source_key(key: str) -> None:
    """Raise BadKey for anything but an object under uploads/ or inbox/."""
    if len(key.encode()) > MAX_KEY_BYTES:
        raise BadKey(f"The key has {len(key.encode()):,} bytes; S3's limit is {MAX_KEY_BYTES:,}.")
    if _CONTROL.search(key) or {".", ".."} & set(key.split("/")):
        raise BadKey(f"Key {key!r} has control characters, or `.` or `..` as a part of its path.")
    if not key.startswith((UPLOADS, INBOX)) or key.endswith("/"):
        raise BadKey(f"Key {key!r} is no object under {UPLOADS} or {INBOX}.")


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


def backfill_folder(run: str) -> str:
    """backfill/{run}/"""
    return f"{BACKFILL}{run}/"


def digest_id(text: str) -> str:
    """52 characters of a-z and 2-7: base32 of the text's SHA-256, as URLs and keys take it."""
    return b32encode(hashlib.sha256(text.encode()).digest()).decode().rstrip("=").lower()


def is_older(sequencer: str, *, than: str) -> bool:
    """Compare two events of one key: hex numbers, the shorter padded on the left."""
    width = max(len(sequencer), len(than))
    return sequencer.upper().zfill(width) < than.upper().zfill(width)
