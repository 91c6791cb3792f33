"""The AWS events of tests/events, by name."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from handler.jobs.envelopes import read_messages
from handler.jobs.s3_events import ObjectCreated

_EVENTS = Path(__file__).parents[1] / "events"


def load_event(name: str) -> dict[str, Any]:
    """Read tests/events/{name}.json."""
    event: dict[str, Any] = json.loads((_EVENTS / f"{name}.json").read_text())
    return event


def read_created(event: dict[str, Any]) -> list[ObjectCreated]:
    """Every object that an event says was made."""
    work = [each for message in read_messages(event) for each in message.work]
    return [each for each in work if isinstance(each, ObjectCreated)]
