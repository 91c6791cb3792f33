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
from typing import Any, NamedTuple

from pydantic import ValidationError

from handler.errors import BadEvent
from handler.jobs.s3_events import ObjectCreated

_FINALIZED = "google.cloud.storage.object.v1.finalized"
_OBJECT_FINALIZE = "OBJECT_FINALIZE"


class Delivery(NamedTuple):
    """One attempt to deliver an event; `created` is None for events of other kinds.

    attempt: from 1; Pub/Sub counts where the subscription has a dead-letter topic, nobody else.
    """

    created: ObjectCreated | None
    attempt: int = 1


def read_delivery(headers: Mapping[str, str], body: bytes) -> Delivery:
    """Read a push, `headers` by names in lower case; raises BadEvent."""
    event = _parse(body)
    if headers.get("content-type", "").startswith("application/cloudevents+json"):
        return Delivery(_from_cloud_event(event.get("type"), event.get("data")))
    if "ce-type" in headers:
        return Delivery(_from_cloud_event(headers["ce-type"], event))
    return _from_pubsub(event)


def _parse(body: bytes) -> dict[str, Any]:
    try:
        event = json.loads(body)
    except ValueError as error:
        raise BadEvent("The event is no JSON.") from error
    if not isinstance(event, dict):
        raise BadEvent("The event is JSON, but no object.")
    return event


def _from_cloud_event(kind: Any, data: Any) -> ObjectCreated | None:
    if kind != _FINALIZED:
        return None
    return _created(data, "bucket", "name", "generation")


def _from_pubsub(event: Mapping[str, Any]) -> Delivery:
    message = event.get("message")
    if not isinstance(message, dict):
        raise BadEvent("The event is neither a CloudEvent nor a message of Pub/Sub.")
    attributes = message.get("attributes")
    attempt = event.get("deliveryAttempt")
    created = None
    if isinstance(attributes, dict) and attributes.get("eventType") == _OBJECT_FINALIZE:
        created = _created(attributes, "bucketId", "objectId", "objectGeneration")
    return Delivery(created, attempt if isinstance(attempt, int) else 1)


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
