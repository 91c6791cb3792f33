"""The AWS events of tests/events, by name."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

_EVENTS = Path(__file__).parents[1] / "events"


def load_event(name: str) -> dict[str, Any]:
    """Read tests/events/{name}.json."""
    event: dict[str, Any] = json.loads((_EVENTS / f"{name}.json").read_text())
    return event
