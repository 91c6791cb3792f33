"""An AWS event out of a file, handed to the Lambda entry that it is for."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from contextlib import redirect_stdout
from importlib import import_module
from pathlib import Path
from typing import Any

from handler.errors import BadEvent
from handler.local.worker import LocalContext


def read_event(path: Path) -> dict[str, Any]:
    """Read an event; raises BadEvent for what is no JSON object, OSError."""
    try:
        event = json.loads(path.read_bytes())
    except ValueError as error:
        raise BadEvent(f"{path} is no JSON: {error}.") from error
    if not isinstance(event, dict):
        raise BadEvent(f"{path} holds a {type(event).__name__}; an event is a JSON object.")
    return event


def replay_event(event: Mapping[str, Any]) -> Any:
    """Call the entry as AWS Lambda would; answers what it answers, and raises what it raises.

    What the entry writes to standard output on Lambda, its log and metrics, goes to
    standard error.
    """
    name = _entry_of(event)
    with redirect_stdout(sys.stderr):
        entry = import_module(f"handler.{name}")
        return entry.handler(event, LocalContext(function_name=f"maskdrop-{name}"))


def _entry_of(event: Mapping[str, Any]) -> str:
    """Which of Lambda's entries an event is for."""
    if "requestContext" in event:
        return "api_entry"
    return "backfill_entry" if event.keys() & {"Items", "report"} else "batch_entry"
