"""The bucket as the service uses it: presigned, and prefix by prefix."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from uuid import uuid4

import httpx2

from handler.bucket.keys import INBOX, LATEST, RESULTS, UPLOADS
from handler.bucket.objects import ObjectStore, PresignedPost
from handler.doctor.findings import Trouble
from handler.errors import AccessDenied, ObjectNotFound

_TEXT = "text/plain"
_PROBE = b"maskdrop doctor"
_LINK_SECONDS = 60

_ACTIONS = {
    "put": "s3:PutObject",
    "get": "s3:GetObject",
    "list": "s3:ListBucket",
    "delete": "s3:DeleteObject",
}
# What the service does under each prefix. Nothing is put under inbox/: it would be detected.
NEEDED = {
    UPLOADS: ("put", "get", "list", "delete"),
    INBOX: ("get", "list"),
    RESULTS: ("put", "get", "list", "delete"),
    LATEST: ("put", "get", "list", "delete"),
}


def probe_form(store: ObjectStore) -> PresignedPost:
    """Presign an upload as the service does."""
    return store.presign_post(
        f"{UPLOADS}doctor-{uuid4().hex}/probe.txt",
        content_type=_TEXT,
        max_bytes=len(_PROBE),
        expires_in=_LINK_SECONDS,
    )


def check_presigned(store: ObjectStore, http: httpx2.Client) -> str:
    """Send a file with a presigned form, and read it back by a presigned link."""
    form = probe_form(store)
    key = form.fields["key"]
    sent = http.post(form.url, data=form.fields, files={"file": ("probe.txt", _PROBE, _TEXT)})
    if sent.is_error:
        raise _refused("The bucket refuses a presigned upload", sent, "s3:PutObject", store)
    try:
        read = http.get(store.presign_get(key, expires_in=_LINK_SECONDS))
        if read.content != _PROBE:
            raise _refused("The bucket refuses a presigned link", read, "s3:GetObject", store)
    finally:
        _try(lambda: store.delete([key]))
    return "A file went in by a form and came back by a link."


@dataclass(frozen=True, slots=True)
class PrefixCheck:
    """Tries what the service needs under one prefix of the bucket."""

    store: ObjectStore
    prefix: str

    def __call__(self) -> str:
        """Try all of it, so that everything that is refused is named at once."""
        if refused := list(self._refused()):
            raise Trouble(f"Refused: {', '.join(refused)}.", self._cure(refused))
        return f"{', '.join(NEEDED[self.prefix])}."

    def _refused(self) -> Iterator[str]:
        probe = f"{self.prefix}doctor-{uuid4().hex}"
        writes = "put" in NEEDED[self.prefix]
        is_put = writes and _try(lambda: self.store.put(probe, _PROBE, content_type=_TEXT))
        if writes and not is_put:
            yield "put"
        is_listed = _try(lambda: next(self.store.list_objects(probe), None))
        if not is_listed:
            yield "list"
        # What is not there is refused too, where listing is.
        if (is_put or is_listed) and not _try(lambda: self.store.head(probe)):
            yield "get"
        if writes and not _try(lambda: self.store.delete([probe])):
            yield "delete"

    def _cure(self, refused: list[str]) -> str:
        arn = f"arn:aws:s3:::{self.store.bucket}"
        objects = [_ACTIONS[name] for name in refused if name != "list"]
        parts = [f"{', '.join(objects)} on {arn}/{self.prefix}*"] if objects else []
        parts += [f"{_ACTIONS['list']} on {arn}"] if "list" in refused else []
        return f"Allow {' and '.join(parts)}."


def _try(action: Callable[[], object]) -> bool:
    """Whether the bucket lets us; what is not there is no refusal."""
    try:
        action()
    except AccessDenied:
        return False
    except ObjectNotFound:
        return True
    return True


def _refused(what: str, answer: httpx2.Response, action: str, store: ObjectStore) -> Trouble:
    """Name S3's code and its cure, and never the link."""
    code = answer.text.partition("<Code>")[2].partition("</Code>")[0] or str(answer.status_code)
    cures = {
        "AccessDenied": f"Allow {action} on arn:aws:s3:::{store.bucket}/{UPLOADS}*.",
        "RequestTimeTooSkewed": "Set this machine's clock; it should ask a time server.",
        "SignatureDoesNotMatch": "Give the service the secret that belongs to its access key.",
        "InvalidAccessKeyId": "Give the service an access key that the bucket's owner knows.",
        "NoSuchBucket": "Set MASKDROP_BUCKET to a bucket that exists, in MASKDROP_REGION.",
    }
    return Trouble(f"{what}: {code}.", cures.get(code, "Look the code up in S3's error codes."))
