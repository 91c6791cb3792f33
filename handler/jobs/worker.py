"""Batches of work: S3's events and jobs, out of SQS, out of other envelopes, or sent directly.

Every piece of work is idempotent, so a message that comes twice, or again after a crash, does no
harm. What becomes of one that failed is policy.py's; its message counts as failed, so that after
MAX_RECEIVES it ends in the dead-letter queue.

A message that kills the process (no memory, no time) can say nothing. So from the second delivery
on a message is worked off alone: what else came with it is settled or put back before. And on the
last delivery its `failed` manifest is written first. A message that is handed back untried is put
back as a new one, since SQS would count its delivery as a try.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

from handler.detection.stored import StoredDetector
from handler.errors import QueueUnavailable
from handler.jobs.envelopes import Message, is_from_queue, read_messages
from handler.jobs.message_worker import MessageWorker, SecondsLeft
from handler.jobs.queue import MAX_RECEIVES, JobQueue

Event = Mapping[str, Any]

_log = logging.getLogger(__name__)


class Worker:
    """Works off one event of AWS after the other."""

    def __init__(
        self,
        stored: StoredDetector,
        bucket: str,
        seconds_needed: float = 0,
        queue: JobQueue | None = None,
    ) -> None:
        """Detect through `stored`; a message needs `seconds_needed` or is left for next time.

        queue: the one that the messages come from. Without it messages that are handed back
        untried use up a delivery, and none is worked off alone.
        """
        self._messages = MessageWorker(stored, bucket, seconds_needed=seconds_needed)
        self._queue = queue

    def handle(self, event: Event, seconds_left: SecondsLeft) -> dict[str, Any]:
        """Work off an event; answers the ids of the messages that SQS has to deliver again.

        Raises the first error of an event that came directly, after all its records.
        """
        messages = read_messages(event)
        if is_from_queue(event):
            failed = self._work_off(messages, seconds_left)
            return {"batchItemFailures": [{"itemIdentifier": each.id} for each in failed]}
        for each in messages:
            if errors := self._messages.work_off(each, seconds_left):
                raise errors[0]
        return {"batchItemFailures": []}

    def _work_off(self, messages: Sequence[Message], seconds_left: SecondsLeft) -> list[Message]:
        """Work off what the queue delivered; answers the messages that failed.

        Those that were delivered before may be what ended a process. They come last, and one of
        them alone.
        """
        new = [each for each in messages if each.tries == 1]
        again = [each for each in messages if 1 < each.tries <= MAX_RECEIVES]
        failed = [each for each in messages if each.tries > MAX_RECEIVES]
        for each in failed:
            _log.warning("message %s: given up after %d tries", each.id, each.tries - 1)
        failed += self._work_in_turn(new, seconds_left)
        done = [each for each in new if each not in failed]
        if len(messages) > 1 and again and self._isolate(done, again[1:]):
            del again[1:]
        return failed + self._work_in_turn(again, seconds_left, first=not new)

    def _work_in_turn(
        self, messages: Sequence[Message], seconds_left: SecondsLeft, first: bool = True
    ) -> list[Message]:
        """Work off messages while there is time; the `first` of an event is always tried."""
        failed = []
        for index, each in enumerate(messages):
            if (index or not first) and seconds_left() < self._messages.seconds_needed:
                handed_back = self._put_back(each)
            else:
                handed_back = not self._messages.work_off(each, seconds_left)
            if not handed_back:
                failed.append(each)
        return failed

    def _isolate(self, done: Sequence[Message], untried: Sequence[Message]) -> bool:
        """See to it that a process that ends now takes no other message along."""
        if self._queue is None:
            return False
        try:
            for each in untried:
                self._queue.put_back(each.body, each.tries - 1)
            for each in (*done, *untried):
                self._queue.settle(each.receipt)
        except QueueUnavailable as error:
            _log.warning("Messages that failed before are worked off together: %s", error)
            return False
        return True

    def _put_back(self, message: Message) -> bool:
        """Hand back a message untried; False where that costs it a delivery."""
        if self._queue is None:
            return False
        try:
            self._queue.put_back(message.body, message.tries - 1)
        except QueueUnavailable as error:
            _log.warning("message %s: handed back untried: %s", message.id, error)
            return False
        _log.info("message %s: put back untried, for lack of time", message.id)
        return True
