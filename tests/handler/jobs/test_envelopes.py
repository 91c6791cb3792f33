"""Every envelope that work comes in, and what is no work at all."""

from __future__ import annotations

import json
from typing import Any

import pytest
from events import load_event, read_created
from hypothesis import given
from hypothesis import strategies as st

from handler.jobs.envelopes import MAX_DEPTH, NotUnderstood, read_messages
from handler.jobs.queue import TRIES_ATTRIBUTE, Job
from handler.jobs.s3_events import ObjectCreated
from handler.schemas import Options

JOB = Job(key="inbox/a.jpg", size=3, etag="e", options=Options())
OBJECT = load_event("s3_put")["Records"][0]["s3"]


def through_queue(body: Any, **record: Any) -> dict[str, Any]:
    """The event of a queue with one message."""
    [found] = load_event("sqs_s3_put")["Records"]
    text = body if isinstance(body, str) else json.dumps(body)
    return {"Records": [found | {"body": text} | record]}


def through_sns(message: Any) -> dict[str, Any]:
    """What SNS puts into a queue."""
    return {"Type": "Notification", "TopicArn": "arn:any", "Message": json.dumps(message)}


def sns_to_function(message: Any) -> dict[str, Any]:
    """What SNS hands to a function."""
    record = {"EventSource": "aws:sns", "EventVersion": "1.0", "Sns": through_sns(message)}
    return {"Records": [record]}


def through_eventbridge(kind: str = "Object Created", key: str = "inbox/cat.jpg") -> dict[str, Any]:
    """S3's event as EventBridge passes it on."""
    made = OBJECT["object"]
    return {
        "version": "0",
        "source": "aws.s3",
        "detail-type": kind,
        "detail": {
            "bucket": {"name": OBJECT["bucket"]["name"]},
            "object": {
                "key": key,
                "size": made["size"],
                "etag": made["eTag"],
                "sequencer": made["sequencer"],
            },
        },
    }


def causes(event: dict[str, Any]) -> list[str]:
    """What was not understood, message by message."""
    work = [each for message in read_messages(event) for each in message.work]
    assert all(isinstance(each, NotUnderstood) for each in work)
    return [each.cause for each in work if isinstance(each, NotUnderstood)]


S3 = load_event("s3_put")


@pytest.mark.parametrize(
    "event",
    [
        S3,
        through_queue(S3),
        through_queue(through_sns(S3)),
        through_queue(through_eventbridge()),
        through_queue(through_sns(through_eventbridge())),
        sns_to_function(S3),
        sns_to_function(through_eventbridge()),
        through_eventbridge(),
    ],
    ids=[
        "s3",
        "sqs",
        "sqs-sns",
        "sqs-eventbridge",
        "sqs-sns-eventbridge",
        "sns",
        "sns-eventbridge",
        "eventbridge",
    ],
)
def test_the_same_object_comes_out_of_every_envelope(event: dict[str, Any]) -> None:
    [created] = read_created(event)
    [plain] = read_created(S3)
    assert created.model_copy(update={"event_name": plain.event_name}) == plain


def test_keys_through_eventbridge_are_plain() -> None:
    [created] = read_created(through_eventbridge(key="inbox/a+b%20c.jpg"))
    assert created.key == "inbox/a+b%20c.jpg"


def test_a_job_comes_out_of_the_queue() -> None:
    [message] = read_messages(through_queue(JOB.model_dump(mode="json")))
    assert message.work == (JOB,)


def test_servers_that_resemble_s3_are_understood() -> None:
    event = load_event("s3_put")
    event["Records"][0] |= {"eventSource": "minio:s3", "eventName": "s3:ObjectCreated:Put"}
    assert [each.key for each in read_created(event)] == ["inbox/cat.jpg"]


def test_a_message_keeps_what_the_queue_wants_to_see_again() -> None:
    event = through_queue(S3, messageId="m", receiptHandle="r")
    [message] = read_messages(event)
    assert (message.id, message.receipt, message.tries) == ("m", "r", 1)
    assert json.loads(message.body) == S3


@pytest.mark.parametrize(("receives", "before", "tries"), [("2", "0", 2), ("1", "2", 3)])
def test_tries_go_on_where_a_message_was_put_back(receives: str, before: str, tries: int) -> None:
    attributes = {TRIES_ATTRIBUTE: {"stringValue": before, "dataType": "Number"}}
    event = through_queue(
        S3, attributes={"ApproximateReceiveCount": receives}, messageAttributes=attributes
    )
    assert read_messages(event)[0].tries == tries


@pytest.mark.parametrize(
    "event",
    [
        load_event("s3_delete"),
        load_event("s3_test_event"),
        load_event("sqs_s3_test_event"),
        through_queue(through_sns(load_event("s3_test_event"))),
        through_eventbridge("Object Deleted"),
        through_queue(through_eventbridge("Object Tags Added")),
    ],
)
def test_s3s_other_events_are_no_work(event: dict[str, Any]) -> None:
    assert [message.work for message in read_messages(event)] == [()]


@pytest.mark.parametrize(
    ("body", "cause"),
    [
        ({}, "it is empty"),
        ("", "holds no JSON"),
        ("{", "holds no JSON"),
        ("[" * 100_000, "holds no JSON"),
        ("[]", "holds JSON, but no object"),
        ("null", "holds JSON, but no object"),
        ({"Records": []}, "no list, or an empty one"),
        ({"Records": "x"}, "no list, or an empty one"),
        ({"Records": ["x"]}, "is no object"),
        ({"Records": [{"eventSource": "aws:dynamodb"}]}, "aws:dynamodb"),
        ({"Records": [{"EventSource": "aws:sns"}]}, "aws:sns"),
        ({"Type": "SubscriptionConfirmation", "Message": "x"}, "SubscriptionConfirmation"),
        ({"Type": "Notification", "Message": "hello"}, "holds no JSON"),
        ({"source": "aws.ec2", "detail-type": "State-change"}, "aws.ec2"),
        ({"source": "aws.s3", "detail-type": "Object Created"}, "wrong detail"),
        ({"kind": "maskdrop:detection", "key": "inbox/a.jpg"}, "missing or wrong size, etag"),
        ({"kind": "maskdrop:training"}, "maskdrop:training"),
        ({"hello": 1}, "hello"),
    ],
)
def test_what_is_not_understood_says_why(body: Any, cause: str) -> None:
    [found] = causes(through_queue(body))
    assert cause in found


def test_what_came_directly_is_held_to_the_same() -> None:
    assert "no event of S3" in causes(load_event("http_get_health"))[0]


def test_an_event_without_a_key_names_what_is_missing() -> None:
    event = load_event("s3_put")
    del event["Records"][0]["s3"]["object"]["key"]
    assert causes(event) == ["An S3 event has a missing or wrong s3.object.key."]


def test_wrapping_without_end_is_refused() -> None:
    body: Any = S3
    for _ in range(MAX_DEPTH):
        body = through_sns(body)
    assert "wrapped more than" in causes(through_queue(body))[0]


FIELDS = (
    *("Records", "Type", "Message", "kind", "source", "detail-type", "detail", "Sns", "Event"),
    *("eventSource", "EventSource", "eventName", "s3", "object", "bucket"),
)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(FIELDS),
            inner | st.sampled_from(["aws:s3", "aws:sns", "aws.s3", "Notification"]),
            max_size=5,
        )
    ),
    max_leaves=20,
)


@given(json_values)
def test_nothing_that_is_json_breaks_the_reader(body: Any) -> None:
    for message in read_messages(through_queue(json.dumps(body))):
        assert all(isinstance(each, ObjectCreated | Job | NotUnderstood) for each in message.work)
