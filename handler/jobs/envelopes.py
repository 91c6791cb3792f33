"""Whatever is delivered, in whatever it is wrapped: a list of messages, each with its work.

What a queue or a function gets            how deep the work lies in it
S3's event, or one of our jobs             bare
… through SNS                              a string in Message, or in Records[].Sns.Message
… through EventBridge                      in detail
any of these through SQS                   a string in Records[].body

Known and silent: s3:TestEvent, and what S3 tells of other kinds (deletions, restores, tags).
Everything else is work that nobody understood: it fails, and ends in the dead-letter queue.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from handler.errors import BadEvent
from handler.jobs.queue import JOB_KIND, TRIES_ATTRIBUTE, Job
from handler.jobs.s3_events import ObjectCreated, is_from_s3, read_detail, read_record

# An event of S3 through EventBridge through SNS through SQS is four deep.
MAX_DEPTH = 8


@dataclass(frozen=True, slots=True)
class NotUnderstood:
    """A message that is neither an event nor a job, and why."""

    cause: str


Work = ObjectCreated | Job | NotUnderstood


@dataclass(frozen=True, slots=True)
class Message:
    """One delivery, and what is to be done for it; `work` is empty for what concerns nobody.

    id: the queue's or the pusher's; empty for an event that came directly.
    tries: how often it was delivered to be worked off, this time included.
    body, receipt: what a queue wants to see again.
    """

    work: tuple[Work, ...]
    id: str = ""
    tries: int = 1
    body: str = ""
    receipt: str = ""


def read_messages(event: Mapping[str, Any]) -> list[Message]:
    """Read an event as AWS hands it to a function: SQS's messages, or one that came directly."""
    records = event.get("Records")
    if is_from_queue(event) and isinstance(records, list):
        return [_read_queued(each) for each in records]
    return [Message(_understand(event))]


def is_from_queue(event: Mapping[str, Any]) -> bool:
    """Whether SQS sent it."""
    records = event.get("Records")
    return isinstance(records, list) and any(
        isinstance(each, dict) and each.get("eventSource") == "aws:sqs" for each in records
    )


def read_body(body: str) -> tuple[Work, ...]:
    """The work in a message's body."""
    return _understand(body)


def _read_queued(record: Mapping[str, Any]) -> Message:
    body = str(record.get("body", ""))
    receives = int(record.get("attributes", {}).get("ApproximateReceiveCount", 1))
    before = record.get("messageAttributes", {}).get(TRIES_ATTRIBUTE, {}).get("stringValue", "0")
    return Message(
        work=_understand(body),
        id=str(record["messageId"]),
        # Whoever may send to the queue may have written anything there.
        tries=receives + (int(before) if before.isdecimal() else 0),
        body=body,
        receipt=str(record.get("receiptHandle", "")),
    )


def _understand(content: Any) -> tuple[Work, ...]:
    try:
        return tuple(_unwrap(content, MAX_DEPTH))
    except BadEvent as error:
        return (NotUnderstood(str(error)),)


def _unwrap(content: Any, depth: int) -> Iterator[Work]:
    """Every piece of work in JSON, as text or as read; raises BadEvent."""
    if not depth:
        raise BadEvent(f"The message is wrapped more than {MAX_DEPTH} times.")
    found = _parse(content)
    if found.get("kind") == JOB_KIND:
        yield _read_job(found)
    elif "Records" in found:
        yield from _unwrap_records(found["Records"], depth)
    elif found.get("Event") == "s3:TestEvent":
        return
    elif found.get("Type") == "Notification" and "Message" in found:
        yield from _unwrap(found["Message"], depth - 1)
    elif found.get("source") == "aws.s3" and "detail-type" in found:
        if created := read_detail(found):
            yield created
    else:
        raise BadEvent(f"The message is no event of S3 and no job: {_described(found)}.")


def _unwrap_records(records: Any, depth: int) -> Iterator[Work]:
    if not isinstance(records, list) or not records:
        raise BadEvent("The message's Records are no list, or an empty one.")
    for record in records:
        if not isinstance(record, dict):
            raise BadEvent("One of the message's Records is no object.")
        if is_from_s3(record):
            if created := read_record(record):
                yield created
        elif record.get("EventSource") == "aws:sns" and isinstance(record.get("Sns"), dict):
            yield from _unwrap(record["Sns"].get("Message"), depth - 1)
        else:
            raise BadEvent(
                f"One of the message's Records is of no kind known: {_described(record)}."
            )


def _parse(content: Any) -> dict[str, Any]:
    if isinstance(content, str):
        try:
            content = json.loads(content)
        except (ValueError, RecursionError) as error:
            raise BadEvent("The message holds no JSON.") from error
    if not isinstance(content, dict):
        raise BadEvent("The message holds JSON, but no object.")
    return content


def _read_job(found: Mapping[str, Any]) -> Job:
    try:
        return Job.model_validate(found)
    except ValidationError as error:
        wrong = ", ".join(".".join(map(str, each["loc"])) for each in error.errors())
        raise BadEvent(f"A job has a missing or wrong {wrong}.") from error


def _described(found: Mapping[str, Any]) -> str:
    """What it seems to be: the fields that tell kinds apart, or the names of the first ones."""
    telling = ("Type", "source", "detail-type", "kind", "Event", "eventSource", "EventSource")
    shown = {name: found[name] for name in telling if isinstance(found.get(name), str)}
    words = shown or sorted(map(str, found))[:5]
    return repr(words)[:200] if words else "it is empty"
