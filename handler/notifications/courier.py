"""Who delivers notices, and when.

Silence     nobody: no webhook is set up
Background  a thread beside the requests, for processes that live long
Inline      at once, before the detection answers: a Lambda function is frozen between calls

A result is announced around the writing of its manifest:

    with courier.announcing(manifest) as told:     the notice is written
        counts = write(manifest)                   then the manifest
        told.is_ours = counts == manifest          delivered after the block, if it is ours
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from threading import Event, Thread
from time import monotonic
from typing import Protocol

from handler.bucket.result_store import AnyManifest
from handler.errors import StorageError
from handler.notifications.outbox import LEASE, ORPHANED_AFTER, Held, Outbox, now
from handler.notifications.webhook import Outcome, Webhook

# How often the bucket is asked for notices of processes that ended, seconds.
SWEEP_SECONDS = 60.0
# After a host that does not answer, seconds: doubled each time up to the last.
SILENT_SECONDS = (5.0, 300.0)
# How long the end of the process waits for the try at hand, seconds.
STOP_SECONDS = 1.0
# Fresh notices that are kept in memory; more are found in the bucket.
MAX_FRESH = 1000
# Notices of earlier calls that a call of a function delivers besides its own.
INLINE_SWEEP = 5

_log = logging.getLogger(__name__)


@dataclass
class Told:
    """Whether the manifest that was announced is the one that counts."""

    is_ours: bool = False


class Courier(Protocol):
    """Tells the owner of results."""

    def announcing(
        self, manifest: AnyManifest, *, provisional: bool = False
    ) -> AbstractContextManager[Told]:
        """Announce the manifest that the block writes.

        provisional: a later one may replace it, so it is told only after a while. Raises a
        StorageError where the notice cannot be written; the manifest is not written then.
        """

    def start(self) -> None:
        """Begin to deliver, what earlier processes left too."""

    def stop(self) -> None:
        """End after the try at hand."""


class Silence:
    """No webhook is set up."""

    @contextmanager
    def announcing(self, manifest: AnyManifest, *, provisional: bool = False) -> Iterator[Told]:
        """Announce nothing."""
        yield Told()

    def start(self) -> None:
        """Do nothing."""

    def stop(self) -> None:
        """Do nothing."""


class _Announcing:
    """Writes notices; how they are delivered is the subclasses' matter."""

    def __init__(self, outbox: Outbox, webhook: Webhook) -> None:
        self._outbox = outbox
        self._webhook = webhook

    @contextmanager
    def announcing(self, manifest: AnyManifest, *, provisional: bool = False) -> Iterator[Told]:
        """Write the notice, let the block write the manifest, and deliver."""
        held = self._outbox.put(manifest, delay=ORPHANED_AFTER if provisional else LEASE)
        told = Told()
        # A block that raises leaves its notice: the manifest may have been written all the same.
        yield told
        if not told.is_ours:
            self._forget(held)
        elif not provisional:
            self._deliver_soon(held)

    def _forget(self, held: Held) -> None:
        try:
            self._outbox.remove(held)
        except StorageError as error:
            _log.info("notice %s stays for a while: %s", held.notice.id, error)

    def _deliver_soon(self, held: Held) -> None:
        raise NotImplementedError

    def _try(self, held: Held) -> Outcome:
        try:
            return self._webhook.deliver(held, self._outbox)
        except StorageError as error:
            _log.warning("notice %s: %s", held.notice.id, error)
            return Outcome.UNREACHABLE

    def _sweep(self, limit: int | None = None) -> Outcome:
        """Try what is due; ends early where the host does not answer."""
        try:
            for number, held in enumerate(self._outbox.due()):
                if number == limit:
                    break
                if self._try(held) is Outcome.UNREACHABLE:
                    return Outcome.UNREACHABLE
        except StorageError as error:
            _log.warning("Notices cannot be listed: %s", error)
            return Outcome.UNREACHABLE
        return Outcome.DONE


class Inline(_Announcing):
    """Delivers before the detection answers, once; what failed is tried by a later call."""

    def __init__(self, outbox: Outbox, webhook: Webhook) -> None:
        super().__init__(outbox, webhook)
        self._swept = -SWEEP_SECONDS

    def start(self) -> None:
        """Do nothing: there is no time between calls."""

    def stop(self) -> None:
        """Do nothing."""

    def _deliver_soon(self, held: Held) -> None:
        reached = self._try(held) is not Outcome.UNREACHABLE
        if reached and monotonic() - self._swept >= SWEEP_SECONDS:
            self._swept = monotonic()
            self._sweep(INLINE_SWEEP)


class Background(_Announcing):
    """Delivers on a thread of its own, and tries again what is due."""

    def __init__(self, outbox: Outbox, webhook: Webhook) -> None:
        super().__init__(outbox, webhook)
        self._fresh: deque[Held] = deque(maxlen=MAX_FRESH)
        self._wake = Event()
        self._stopped = False
        self._silent_for = 0.0
        self._thread: Thread | None = None

    def start(self) -> None:
        """Start the thread, unless it runs."""
        if self._thread is None:
            self._stopped = False
            self._thread = Thread(target=self._run, name="notifications", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """End the thread soon; the bucket keeps what it did not deliver."""
        self._stopped = True
        self._wake.set()
        if self._thread is not None:
            # Platforms give little time to end; a try that is cut off is made again elsewhere.
            self._thread.join(timeout=STOP_SECONDS)
            self._thread = None

    def _deliver_soon(self, held: Held) -> None:
        self._fresh.append(held)
        self._wake.set()

    def _run(self) -> None:
        swept = -SWEEP_SECONDS
        while not self._stopped:
            self._wake.clear()
            try:
                if self._deliver_fresh() is Outcome.DONE and self._is_time_to_sweep(swept):
                    swept = monotonic()
                    self._note(self._sweep())
            except Exception:
                _log.exception("Notices were not delivered; they are tried again.")
                self._note(Outcome.UNREACHABLE)
            self._pause(swept)

    def _deliver_fresh(self) -> Outcome:
        while self._fresh and not self._stopped:
            outcome = self._try(self._fresh.popleft())
            self._note(outcome)
            if outcome is Outcome.UNREACHABLE:
                return outcome
        return Outcome.DONE

    def _is_time_to_sweep(self, swept: float) -> bool:
        due = self._outbox.next_due
        return monotonic() - swept >= SWEEP_SECONDS or (due is not None and due <= now())

    def _note(self, outcome: Outcome) -> None:
        """Wait longer for a host each time that it does not answer."""
        first, most = SILENT_SECONDS
        if outcome is Outcome.UNREACHABLE:
            self._silent_for = min(max(first, 2 * self._silent_for), most)
        else:
            self._silent_for = 0.0

    def _pause(self, swept: float) -> None:
        """Wait for a fresh notice, the next one that is due, or the next sweep."""
        if self._stopped:
            return
        if self._silent_for:
            self._sleep(self._silent_for)
            return
        seconds = swept + SWEEP_SECONDS - monotonic()
        if due := self._outbox.next_due:
            seconds = min(seconds, (due - now()) / timedelta(seconds=1))
        self._wake.wait(max(seconds, 0.05))

    def _sleep(self, seconds: float) -> None:
        """Wait without being woken by fresh notices, but by `stop`."""
        until = monotonic() + seconds
        while not self._stopped and (left := until - monotonic()) > 0:
            self._wake.wait(left)
            self._wake.clear()
