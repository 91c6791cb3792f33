"""Which detections run now, which wait, and which are refused at once.

One gate stands before all that decodes a photograph in this process. It knows

    budget      bytes that the detections at work may take together
    concurrent  detections that run at the same time
    waiting     detections that may wait for their turn

A detection says how many bytes it takes before anything is decoded. It is let in when it is
its turn and its bytes are free; until then it waits, first come first served. Past `waiting` it
is refused at once, so that who waits waits a bounded time. Request bodies and objects that were
read count too: together they may hold half of the budget.

Safe to share between threads. What waits is a thread, so there are never many.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from concurrent.futures import CancelledError, Future
from contextlib import contextmanager
from threading import Event, Lock

from handler.detection.machine import memory_bytes
from handler.errors import CallerGone, ImageTooLarge, Overloaded
from model.runtime.machine import usable_cpus

# Of the memory that the process may use. With bodies it comes to three quarters; the rest is
# for the interpreter, the model and answers.
BUDGET_SHARE = 0.5
# Waiting twice as many as run at once, an accepted detection takes at most three times as long
# as one that need not wait.
WAITING_PER_RUNNING = 2


class Caller:
    """Who waits for a detection: `hang_up` from any thread drops what is not begun yet."""

    def __init__(self, *, patient: bool = False) -> None:
        """`patient`: waits however many others do, as a queue's worker."""
        self.patient = patient
        self._gone = Event()
        self._turn: Future[None] | None = None

    def hang_up(self) -> None:
        """Nobody wants the answer any more."""
        self._gone.set()
        if self._turn is not None:
            self._turn.cancel()

    def check(self, _stage: str = "") -> None:
        """Raise CallerGone once nobody wants the answer; called between stages of the work."""
        if self._gone.is_set():
            raise CallerGone("The client closed the connection before its answer was ready.")

    def wait(self, turn: Future[None]) -> None:
        """Wait for a turn; raises CallerGone, or what the turn ends with."""
        self._turn = turn
        self.check()
        try:
            turn.result()
        except CancelledError:
            self.check()
            raise


class Gate:
    """Admits detections by number and by bytes."""

    def __init__(self, budget: int, concurrent: int, waiting: int | None = None) -> None:
        """Let `concurrent` run and `waiting` wait, within `budget` bytes."""
        self.budget = budget
        self.concurrent = concurrent
        self.waiting = WAITING_PER_RUNNING * concurrent if waiting is None else waiting
        self._lock = Lock()
        self._queue: deque[tuple[Future[None], int]] = deque()
        self._running = 0
        self._taken = 0
        self._held = 0
        self._closed = False

    @property
    def is_full(self) -> bool:
        """Whether a detection that came now would be refused."""
        with self._lock:
            return self._closed or self._is_crowded()

    @property
    def is_closed(self) -> bool:
        """Whether this instance is shutting down."""
        return self._closed

    @property
    def bytes_held(self) -> int:
        """Bytes that bodies and detections at work hold now."""
        with self._lock:
            return self._held + self._taken

    @contextmanager
    def entered(self, size: int, caller: Caller) -> Iterator[None]:
        """Wait for a turn with `size` bytes, then run the block.

        Raises Overloaded, CallerGone, and ImageTooLarge for more bytes than there are.
        """
        if size > self.budget:
            raise ImageTooLarge(
                f"Detecting in this photograph takes {size / 2**20:,.0f} MiB of memory; "
                f"this instance has {self.budget / 2**20:,.0f} MiB for it."
            )
        turn = self._ask(size, caller.patient)
        try:
            caller.wait(turn)
            yield
        finally:
            self._leave(turn, size)

    def hold(self, size: int, *, anyway: bool = False) -> bool:
        """Count bytes of a body or an object; False where no more may be held."""
        with self._lock:
            if not anyway and self._held + size > self.budget // 2:
                return False
            self._held += size
            return True

    def release(self, size: int) -> None:
        """Give back what `hold` took."""
        with self._lock:
            self._held -= size
            self._admit()

    @contextmanager
    def holding(self, size: int, what: str, caller: Caller) -> Iterator[None]:
        """Hold bytes for the block; raises Overloaded where no more may be held."""
        if not self.hold(size, anyway=caller.patient):
            raise Overloaded(f"No memory is free for {what} of {size:,} bytes.")
        try:
            yield
        finally:
            self.release(size)

    def close(self) -> None:
        """Ask that no new work be brought here; what is under way goes on."""
        self._closed = True

    def _ask(self, size: int, patient: bool) -> Future[None]:
        turn: Future[None] = Future()
        with self._lock:
            if not patient and self._is_crowded():
                raise Overloaded(
                    f"{self._running} detections are at work and {len(self._queue)} wait for "
                    "their turn, as many as may."
                )
            self._queue.append((turn, size))
            self._admit()
        return turn

    def _leave(self, turn: Future[None], size: int) -> None:
        with self._lock:
            if not turn.cancel():
                self._running -= 1
                self._taken -= size
            self._admit()

    def _is_crowded(self) -> bool:
        """Whether as many wait as may; those that hung up do not count."""
        self._queue = deque(each for each in self._queue if not each[0].cancelled())
        return self._running >= self.concurrent and len(self._queue) >= self.waiting

    def _admit(self) -> None:
        """Let in, in their order, whoever fits."""
        while self._queue:
            turn, size = self._queue[0]
            # What holds bytes may be waiting behind: alone, the first one always fits.
            fits = self._held + self._taken + size <= self.budget or self._running == 0
            if not turn.cancelled() and not (fits and self._running < self.concurrent):
                return
            self._queue.popleft()
            if turn.set_running_or_notify_cancel():
                self._running += 1
                self._taken += size
                turn.set_result(None)


def make_gate(
    budget: int | None = None, concurrent: int | None = None, waiting: int | None = None
) -> Gate:
    """A gate of the size of this machine, where nothing else is said."""
    return Gate(budget or int(memory_bytes() * BUDGET_SHARE), concurrent or usable_cpus(), waiting)
