"""The bucket as the service uses it: presigned, and prefix by prefix."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal
from uuid import uuid4

import httpx2

from handler.bucket.keys import INBOX, LATEST, RESULTS, UPLOADS
from handler.bucket.objects import ObjectStore, PresignedPost
from handler.doctor.findings import Trouble
from handler.errors import AccessDenied, ObjectNotFound

_TEXT = "text/plain"
_PROBE = b"maskdrop doctor"
_LINK_SECONDS = 60

Action = Literal["put", "get", "list", "delete"]
StoreName = Literal["s3", "gcs"]
# What each store's access control calls them. Cloud Storage asks for both to replace an object.
_PERMISSIONS: dict[StoreName, dict[Action, str]] = {
    "s3": {
        "put": "s3:PutObject",
        "get": "s3:GetObject",
        "list": "s3:ListBucket",
        "delete": "s3:DeleteObject",
    },
    "gcs": {
        "put": "storage.objects.create, storage.objects.delete",
        "get": "storage.objects.get",
        "list": "storage.objects.list",
        "delete": "storage.objects.delete",
    },
}
# What the service does under each prefix. Nothing is put under inbox/: it would be detected.
NEEDED: dict[str, tuple[Action, ...]] = {
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


def check_presigned(store: ObjectStore, http: httpx2.Client, kind: StoreName = "s3") -> str:
    """Send a file with a presigned form, and read it back by a presigned link."""
    form = probe_form(store)
    key = form.fields["key"]
    sent = http.post(form.url, data=form.fields, files={"file": ("probe.txt", _PROBE, _TEXT)})
    if sent.is_error:
        raise _refused(
            "The bucket refuses a presigned upload",
            sent,
            allow(kind, store.bucket, UPLOADS, ["put"]),
        )
    try:
        read = http.get(store.presign_get(key, expires_in=_LINK_SECONDS))
        if read.content != _PROBE:
            raise _refused(
                "The bucket refuses a presigned link",
                read,
                allow(kind, store.bucket, UPLOADS, ["get"]),
            )
    finally:
        _try(lambda: store.delete([key]))
    return "A file went in by a form and came back by a link."


@dataclass(frozen=True, slots=True)
class PrefixCheck:
    """Tries what the service needs under one prefix of the bucket."""

    store: ObjectStore
    prefix: str
    kind: StoreName = "s3"

    def __call__(self) -> str:
        """Try all of it, so that everything that is refused is named at once."""
        if refused := list(self._refused()):
            raise Trouble(
                f"Refused: {', '.join(refused)}.",
                allow(self.kind, self.store.bucket, self.prefix, refused),
            )
        return f"{', '.join(NEEDED[self.prefix])}."

    def _refused(self) -> Iterator[Action]:
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


def allow(kind: StoreName, bucket: str, prefix: str, refused: list[Action]) -> str:
    """Say which permissions cure what was `refused` under `prefix`."""
    names = _PERMISSIONS[kind]
    if kind == "gcs":
        wanted = ", ".join(dict.fromkeys(names[each] for each in refused))
        return f"Grant the HMAC key's service account {wanted} on gs://{bucket}."
    arn = f"arn:aws:s3:::{bucket}"
    objects = [names[each] for each in refused if each != "list"]
    parts = [f"{', '.join(objects)} on {arn}/{prefix}*"] if objects else []
    parts += [f"{names['list']} on {arn}"] if "list" in refused else []
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


def _refused(what: str, answer: httpx2.Response, permission: str) -> Trouble:
    """Name the store's code and its cure, and never the link."""
    code = answer.text.partition("<Code>")[2].partition("</Code>")[0] or str(answer.status_code)
    cures = {
        "AccessDenied": permission,
        "RequestTimeTooSkewed": "Set this machine's clock; it should ask a time server.",
        "SignatureDoesNotMatch": "Give the service the secret that belongs to its access key.",
        "InvalidAccessKeyId": "Give the service an access key that the bucket's owner knows.",
        "NoSuchBucket": "Set MASKDROP_BUCKET to a bucket that exists, in MASKDROP_REGION.",
    }
    return Trouble(
        f"{what}: {code}.", cures.get(code, "Look the code up among the store's error codes.")
    )
