"""Waiting for what the embedded stack does by itself."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from handler.local.queue import LocalQueue

# Long enough for a busy machine; what is waited for comes in milliseconds.
PATIENCE_S = 30.0


def wait_for(condition: Callable[[], Any]) -> Any:
    """The condition's first value that is true."""
    give_up = time.monotonic() + PATIENCE_S
    while not (value := condition()):
        assert time.monotonic() < give_up, f"Nothing came in {PATIENCE_S} s."
        time.sleep(0.1)
    return value


def dead_letters(queue: LocalQueue) -> list[str]:
    """The bodies of the messages that nobody could process."""
    answer = queue.client.receive_message(QueueUrl=queue.dead_letter_url)
    return [message["Body"] for message in answer.get("Messages", [])]
