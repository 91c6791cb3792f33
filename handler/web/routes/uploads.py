"""A link to send a photograph to, straight into the bucket."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from fastapi import APIRouter

from handler.bucket.keys import UPLOADS, upload_key
from handler.errors import (
    AccessDenied,
    BadKey,
    DeletionRefused,
    ImageTooLarge,
    InvalidRequest,
    MalformedRequest,
    RequestTooLarge,
    StorageUnavailable,
)
from handler.web.access import DeletionSecret, UploadId, check_upload_secret, new_upload
from handler.web.messages import Upload, UploadRequest
from handler.web.problems import problem_responses
from handler.web.routes.dependencies import ServicesOf

router = APIRouter(tags=["bucket"])


@router.post(
    "/v1/uploads",
    summary="Ask where to upload a photograph",
    status_code=201,
    responses=problem_responses(
        MalformedRequest, InvalidRequest, BadKey, ImageTooLarge, RequestTooLarge, StorageUnavailable
    ),
)
def create_upload(wanted: UploadRequest, services: ServicesOf) -> Upload:
    """Presign a form that puts one file of this type, no larger than said, at one key.

    Send `fields` and then the file, as `file`, by multipart POST to `url`.
    """
    settings = services.settings
    if wanted.size > settings.max_image_bytes:
        raise ImageTooLarge(
            f"{wanted.filename!r} has {wanted.size:,} bytes; "
            f"at most {settings.max_image_bytes:,} are allowed."
        )
    secret, identity = new_upload()
    key = upload_key(identity, wanted.filename)
    form = services.bucket.presign_post(
        key,
        content_type=wanted.content_type,
        max_bytes=wanted.size,
        expires_in=settings.link_seconds,
    )
    return Upload(
        key=key,
        url=form.url,
        fields=form.fields,
        max_bytes=wanted.size,
        expires_at=datetime.now(UTC).replace(microsecond=0)
        + timedelta(seconds=settings.link_seconds),
        deletion_secret=secret,
    )


@router.delete(
    "/v1/uploads/{id}",
    summary="Delete a photograph that was uploaded",
    status_code=204,
    responses=problem_responses(DeletionRefused, AccessDenied, StorageUnavailable),
)
def delete_upload(identity: UploadId, services: ServicesOf, secret: DeletionSecret = None) -> None:
    """Delete the photograph, also one that no detection was asked for, or none that came.

    `id` is the second part of the upload's key. Results are deleted one by one, by
    `DELETE /v1/detections/{id}`. Answers 204 whether there was anything or not.
    """
    check_upload_secret(identity, secret)
    bucket = services.bucket
    bucket.delete([each.key for each in bucket.list_objects(f"{UPLOADS}{identity}/")])
