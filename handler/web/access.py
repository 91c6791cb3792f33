"""Who may delete an upload and what was detected in it, and who may reach inbox/.

The uploader is told a secret, once; the upload's id, which stands in its key, is the secret's
digest. So nothing has to be kept to know the secret again, and neither the key nor a shared link
to the result gives it away.

    secret  32 random bytes, base64url           only the uploader has it
    id      SHA-256 of the secret, 32 hex digits  in the key: uploads/{id}/{filename}
"""

from __future__ import annotations

import hashlib
import re
import secrets
from hmac import compare_digest
from typing import Annotated

from fastapi import Header, Path

from handler.bucket.keys import INBOX, UPLOADS
from handler.errors import DeletionRefused, InboxClosed
from handler.settings import Settings
from handler.web.messages import UPLOAD_ID

_SECRET_BYTES = 32
# Of the digest's 64: 128 bits are enough where only a preimage helps.
_ID_DIGITS = 32

_UPLOAD_ID = re.compile(r"[0-9a-f]{32}")

UploadId = Annotated[str, Path(alias="id", examples=[UPLOAD_ID])]
DeletionSecret = Annotated[
    str | None,
    Header(
        alias="X-Deletion-Secret",
        description="What `POST /v1/uploads` answered as `deletion_secret`.",
    ),
]


def new_upload() -> tuple[str, str]:
    """Make the secret of a new upload, and the upload's id."""
    secret = secrets.token_urlsafe(_SECRET_BYTES)
    return secret, _upload_id(secret)


def check_upload_secret(identity: str, secret: str | None) -> None:
    """Raise DeletionRefused unless `secret` is the one of the upload `identity`."""
    if not secret:
        raise DeletionRefused(
            "Deletion needs the header X-Deletion-Secret with what POST /v1/uploads answered."
        )
    if not _UPLOAD_ID.fullmatch(identity) or not compare_digest(identity, _upload_id(secret)):
        raise DeletionRefused("This is not the deletion secret of that upload.")


def check_deletion(source_key: str, secret: str | None, settings: Settings) -> None:
    """Raise DeletionRefused unless a caller with `secret` may delete a result of `source_key`.

    Results of inbox/ have no secret: where that is open, its callers are the owner's.
    """
    if settings.open_inbox and source_key.startswith(INBOX):
        return
    identity, _, _ = source_key.removeprefix(UPLOADS).partition("/")
    check_upload_secret(identity, secret)


def check_source_is_open(key: str, settings: Settings) -> None:
    """Raise InboxClosed for the owner's objects, whether they exist or not."""
    if not is_open(key, settings):
        raise InboxClosed("Objects under inbox/ are not open to callers of this API.")


def is_open(key: str, settings: Settings) -> bool:
    """Whether callers of the API may know of an object."""
    return settings.open_inbox or not key.startswith(INBOX)


def _upload_id(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()[:_ID_DIGITS]
