"""S3's events: which objects were made, and which of those are ours.

From S3 itself keys arrive quoted as in HTML forms (`+` is a space) and are unquoted here, once;
through EventBridge they arrive plain. Everywhere else a key is plain text.

Sources: docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html and
…/ev-events.html.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any
from urllib.parse import unquote_plus

from pydantic import AliasPath, BaseModel, ConfigDict, Field, ValidationError

from handler.bucket.keys import INBOX
from handler.errors import BadEvent

# Servers that speak S3's protocol put their own name in front: minio:s3, ceph:s3.
_SOURCE = re.compile(r"\w+:s3")
_CREATED = re.compile(r"(?:s3:)?ObjectCreated:")


class ObjectCreated(BaseModel):
    """An object was made, or made anew.

    etag: empty where the event does not tell; then the bucket knows it, and the size.
    sequencer: hex digits that order the events of one key (see `is_older`); none comes
        from some stores that only resemble S3, and none is older than any.
    version_id: None where the bucket keeps no versions.
    """

    model_config = ConfigDict(frozen=True, validate_by_name=True, validate_by_alias=True)

    event_name: Annotated[str, Field(validation_alias="eventName")]
    bucket: Annotated[str, Field(validation_alias=AliasPath("s3", "bucket", "name"))]
    key: Annotated[str, Field(validation_alias=AliasPath("s3", "object", "key"))]
    size: Annotated[int, Field(validation_alias=AliasPath("s3", "object", "size"))]
    etag: Annotated[str, Field(validation_alias=AliasPath("s3", "object", "eTag"))]
    sequencer: Annotated[str, Field(validation_alias=AliasPath("s3", "object", "sequencer"))] = ""
    version_id: Annotated[
        str | None, Field(validation_alias=AliasPath("s3", "object", "versionId"))
    ] = None


class _Detail(BaseModel):
    """The detail of EventBridge's `Object Created`."""

    bucket: Annotated[str, Field(validation_alias=AliasPath("bucket", "name"))]
    key: Annotated[str, Field(validation_alias=AliasPath("object", "key"))]
    size: Annotated[int, Field(validation_alias=AliasPath("object", "size"))]
    etag: Annotated[str, Field(validation_alias=AliasPath("object", "etag"))]
    sequencer: Annotated[str, Field(validation_alias=AliasPath("object", "sequencer"))] = ""
    version_id: Annotated[str | None, Field(validation_alias=AliasPath("object", "version-id"))] = (
        None
    )


def is_from_s3(record: Mapping[str, Any]) -> bool:
    """Whether a record of an event is S3's."""
    return _SOURCE.fullmatch(str(record.get("eventSource"))) is not None


def read_record(record: Mapping[str, Any]) -> ObjectCreated | None:
    """The object that a record of S3's says was made; None for events of other kinds.

    Raises BadEvent.
    """
    if not _CREATED.match(str(record.get("eventName"))):
        return None
    try:
        created = ObjectCreated.model_validate(record)
    except ValidationError as error:
        raise BadEvent(f"An S3 event has a missing or wrong {_places(error)}.") from error
    return created.model_copy(update={"key": unquote_plus(created.key)})


def read_detail(event: Mapping[str, Any]) -> ObjectCreated | None:
    """The object that EventBridge's event of S3 says was made; None for those of other kinds.

    Raises BadEvent.
    """
    if event.get("detail-type") != "Object Created":
        return None
    try:
        detail = _Detail.model_validate(event.get("detail"))
    except ValidationError as error:
        places = _places(error)
        raise BadEvent(f"An EventBridge event has a missing or wrong detail.{places}.") from error
    return ObjectCreated(event_name="Object Created", **detail.model_dump())


def is_for_us(created: ObjectCreated, bucket: str) -> bool:
    """Whether it is to be processed: a file under inbox/ of our bucket, and nothing else.

    Our own outputs are never under inbox/, so nothing we write can call us again. A
    key that ends in `/` is what consoles make for an empty folder.
    """
    return (
        created.bucket == bucket and created.key.startswith(INBOX) and not created.key.endswith("/")
    )


def _places(error: ValidationError) -> str:
    return ", ".join(".".join(map(str, each["loc"])) for each in error.errors())
