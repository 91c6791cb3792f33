"""A child process that is started again when it ends by itself."""

from __future__ import annotations

import logging
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event, Thread

from handler.errors import MaskdropError, NotReady

# Before it is started again, seconds; twice as many after each start that failed, to half a minute.
FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 30.0

_log = logging.getLogger(__name__)


class Child:
    """Keeps one process running; whoever asks hears whether it does."""

    def __init__(
        self,
        name: str,
        start: Callable[[], subprocess.Popen[bytes]],
        wait: Callable[[subprocess.Popen[bytes]], None],
        say: Callable[[str], None],
    ) -> None:
        """`start` the process called `name`, and `wait` until it is ready.

        `say` is told when it ended by itself, and when it runs again. `wait` raises a
        MaskdropError for one that does not become ready.
        """
        self._name = name
        self._start = start
        self._wait = wait
        self._say = say
        self._ready = Event()
        self._stopped = Event()
        self._process: subprocess.Popen[bytes] | None = None

    @contextmanager
    def running(self) -> Iterator[None]:
        """Run it for as long as the context lasts; raises what the first `wait` raises."""
        watcher = Thread(target=self._watch, name=self._name, daemon=True)
        process = self._process = self._start()
        try:
            self._wait(process)
            self._ready.set()
            watcher.start()
            yield
        finally:
            self._stopped.set()
            self._kill()
            while watcher.is_alive():
                # One that was started in between.
                self._kill()
                watcher.join(0.2)

    def check_ready(self) -> None:
        """Raise NotReady while it is down."""
        process = self._process
        if not self._ready.is_set() or process is None or process.poll() is not None:
            raise NotReady(f"{self._name} is down; it is being started again.")

    def _watch(self) -> None:
        """Wait for its end, and start it again, until we stop."""
        pause = FIRST_PAUSE_S
        while self._process is not None:
            code = self._process.wait()
            self._ready.clear()
            if self._stopped.is_set():
                return
            self._say(f"{self._name} ended with code {code}; starting it again")
            if self._stopped.wait(pause):
                return
            self._process = self._start()
            pause = FIRST_PAUSE_S if self._is_ready() else min(2 * pause, LONGEST_PAUSE_S)

    def _is_ready(self) -> bool:
        assert self._process is not None  # noqa: S101  # just started
        try:
            self._wait(self._process)
        except MaskdropError as error:
            self._kill()
            _log.warning("%s", error)
            return False
        self._ready.set()
        self._say(f"{self._name} runs again")
        return True

    def _kill(self) -> None:
        # On SIGTERM SeaweedFS lingers for tens of seconds; its stores are written through.
        if self._process is not None:
            self._process.kill()
            self._process.wait()
