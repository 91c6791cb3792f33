"""One try to deliver a notice to the owner's webhook, and what its answer means.

2xx                done
3xx, 4xx, 5xx      not done: this notice is tried again later
no answer          not done: nor will the next notice be, so whoever sweeps stops here
"""

from __future__ import annotations

import logging
from enum import Enum, auto
from time import time
from urllib.parse import urlsplit

from handler.errors import AddressRefused, HostUnavailable
from handler.notifications.outbox import LIFETIME, ORPHANED_AFTER, Held, Notice, Outbox, now
from handler.outbound.guarded_http import Rules, request
from handler.outbound.signature import sign

# Bytes of an answer that are read; nothing in it counts but its status.
MAX_ANSWER_BYTES = 4096
USER_AGENT = "Maskdrop"

_log = logging.getLogger(__name__)


class Outcome(Enum):
    """What became of a try."""

    DONE = auto()
    REFUSED = auto()
    UNREACHABLE = auto()


class Webhook:
    """The owner's receiver."""

    def __init__(self, url: str, secret: bytes, *, private: bool, seconds: float) -> None:
        """Send to `url`; `private`: it may be at a private address."""
        self._url = url
        self._secret = secret
        self._host = urlsplit(url).hostname
        self._rules = Rules(private=private, seconds=seconds, max_bytes=MAX_ANSWER_BYTES)

    def deliver(self, held: Held, outbox: Outbox) -> Outcome:
        """Send a notice unless another process does, or its result is gone; never raises for that.

        Raises a StorageError where the bucket does not take the try's count.
        """
        notice = held.notice
        age = now() - notice.message.timestamp
        if not outbox.is_true(notice):
            # Its manifest may be under way still, or it was deleted, or another writer's counts.
            (outbox.remove if age > ORPHANED_AFTER else outbox.postpone)(held)
            return Outcome.DONE
        leased = outbox.lease(held)
        if leased is None:
            return Outcome.DONE
        outcome = self._send(leased.notice)
        if outcome is Outcome.DONE:
            outbox.remove(leased)
        elif age > LIFETIME:
            _log.error("notice %s: given up after %d tries", notice.id, leased.notice.tries)
            outbox.remove(leased)
        return outcome

    def _send(self, notice: Notice) -> Outcome:
        body = notice.message.model_dump_json().encode()
        headers = {
            "Content-Type": "application/json",
            "User-Agent": USER_AGENT,
            **sign(self._secret, notice.id, int(time()), body),
        }
        what = f"notice {notice.id} of {notice.message.data.id}, try {notice.tries}"
        try:
            answer = request("POST", self._url, self._rules, headers=headers, body=body)
        except (AddressRefused, HostUnavailable) as error:
            _log.warning("%s: %s", what, error)
            return Outcome.UNREACHABLE
        if 200 <= answer.status < 300:
            _log.info("%s: taken", what)
            return Outcome.DONE
        _log.warning("%s: %s answered %d", what, self._host, answer.status)
        return Outcome.REFUSED
