"""S3's events as they reach a function: which objects were made, and which of those are ours.

They come bare, or as JSON in the bodies of SQS records. Keys arrive quoted as in HTML
forms (`+` is a space) and are unquoted here, once; everywhere else a key is plain text.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Annotated, Any
from urllib.parse import unquote_plus

from pydantic import AliasPath, BaseModel, ConfigDict, Field, ValidationError

from handler.bucket.keys import INBOX
from handler.errors import BadEvent


class ObjectCreated(BaseModel):
    """An object was made, or made anew.

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


def read_created(event: Mapping[str, Any]) -> Iterator[ObjectCreated]:
    """Every object that `event` says was made, in its order.

    `event` is S3's, or SQS's with S3's in the bodies. Deletions, S3's test event and
    what is of another kind yield nothing. Raises BadEvent for a broken one.
    """
    for record in event.get("Records", ()):
        source = record.get("eventSource")
        if source == "aws:sqs":
            yield from read_created(read_body(record))
        elif source == "aws:s3" and record.get("eventName", "").startswith("ObjectCreated:"):
            yield _read_record(record)


def read_body(record: Mapping[str, Any]) -> dict[str, Any]:
    """Read the JSON object in an SQS record's body; raises BadEvent."""
    try:
        body = json.loads(record["body"])
    except (KeyError, ValueError) as error:
        raise BadEvent(f"Message {record.get('messageId')} holds no JSON.") from error
    if not isinstance(body, dict):
        raise BadEvent(f"Message {record.get('messageId')} holds JSON, but no object.")
    return body


def is_for_us(created: ObjectCreated, bucket: str) -> bool:
    """Whether it is to be processed: a file under inbox/ of our bucket, and nothing else.

    Our own outputs are never under inbox/, so nothing we write can call us again. A
    key that ends in `/` is what consoles make for an empty folder.
    """
    return (
        created.bucket == bucket and created.key.startswith(INBOX) and not created.key.endswith("/")
    )


def _read_record(record: Mapping[str, Any]) -> ObjectCreated:
    try:
        created = ObjectCreated.model_validate(record)
    except ValidationError as error:
        missing = ", ".join(".".join(map(str, each["loc"])) for each in error.errors())
        raise BadEvent(f"An S3 event has a missing or wrong {missing}.") from error
    return created.model_copy(update={"key": unquote_plus(created.key)})
