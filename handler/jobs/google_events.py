"""Google Cloud Storage's events as they are pushed: an object was made, or something else.

They come in three forms, all by HTTP POST:

Pub/Sub             {"message": {"attributes": {"eventType", "bucketId", "objectId",
                    "objectGeneration"}, "data": base64}, "deliveryAttempt", …}
CloudEvents binary  headers ce-type and ce-id, body {"bucket", "name", "generation", …}
CloudEvents         {"type", "data": {"bucket", "name", "generation", …}, …} as
structured          application/cloudevents+json

Keys are plain text in all of them. A generation is a decimal number that grows with every write
of a key; as digits it orders the events of a key just as S3's sequencer does.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from handler.errors import BadEvent
from handler.jobs.envelopes import Message
from handler.jobs.s3_events import ObjectCreated

_CLOUD_EVENTS = "google.cloud.storage.object.v1."
_FINALIZED = f"{_CLOUD_EVENTS}finalized"
_OBJECT_FINALIZE = "OBJECT_FINALIZE"
# What Cloud Storage tells besides, cloud.google.com/storage/docs/pubsub-notifications.
_OTHER_TYPES = {"OBJECT_METADATA_UPDATE", "OBJECT_DELETE", "OBJECT_ARCHIVE"}


def read_delivery(headers: Mapping[str, str], body: bytes) -> Message:
    """Read a push, `headers` by names in lower case; raises BadEvent.

    Its tries are Pub/Sub's count, where the subscription has a dead-letter topic; nobody else
    counts.
    """
    event = _parse(body)
    if headers.get("content-type", "").startswith("application/cloudevents+json"):
        return _from_cloud_event(event.get("type"), event.get("id"), event.get("data"))
    if "ce-type" in headers:
        return _from_cloud_event(headers["ce-type"], headers.get("ce-id"), event)
    return _from_pubsub(event)


def _parse(body: bytes) -> dict[str, Any]:
    try:
        event = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise BadEvent("The event is no JSON.") from error
    if not isinstance(event, dict):
        raise BadEvent("The event is JSON, but no object.")
    return event


def _from_cloud_event(kind: Any, identity: Any, data: Any) -> Message:
    if not str(kind).startswith(_CLOUD_EVENTS):
        raise BadEvent(f"The CloudEvent is of type {str(kind)[:100]!r}, not Cloud Storage's.")
    created = kind == _FINALIZED and _created(data, "bucket", "name", "generation")
    return Message((created,) if created else (), id=str(identity or ""))


def _from_pubsub(event: Mapping[str, Any]) -> Message:
    message = event.get("message")
    if not isinstance(message, dict):
        raise BadEvent("The event is neither a CloudEvent nor a message of Pub/Sub.")
    attributes, attempt = message.get("attributes"), event.get("deliveryAttempt")
    kind = attributes.get("eventType") if isinstance(attributes, dict) else None
    if kind != _OBJECT_FINALIZE and kind not in _OTHER_TYPES:
        raise BadEvent(f"The message's eventType is {str(kind)[:100]!r}, not Cloud Storage's.")
    created = kind == _OBJECT_FINALIZE and _created(
        attributes, "bucketId", "objectId", "objectGeneration"
    )
    return Message(
        (created,) if created else (),
        id=str(message.get("messageId", "")),
        tries=attempt if isinstance(attempt, int) else 1,
    )


def _created(fields: Any, bucket: str, key: str, generation: str) -> ObjectCreated:
    """What was made; etag and size are left to the bucket, which knows them as they are now."""
    try:
        found = {name: str(fields[name]) for name in (bucket, key, generation)}
        if not found[generation].isdecimal():
            raise BadEvent(f"The event's {generation} is {found[generation]!r}, not a number.")
        return ObjectCreated(
            event_name=_OBJECT_FINALIZE,
            bucket=found[bucket],
            key=found[key],
            size=0,
            etag="",
            sequencer=found[generation],
        )
    except (KeyError, TypeError, ValidationError) as error:
        raise BadEvent(
            f"The event has a missing or wrong {bucket}, {key} or {generation}."
        ) from error
