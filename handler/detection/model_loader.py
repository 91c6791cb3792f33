"""One model per process, loaded once, in the background where a server is starting."""

from __future__ import annotations

import logging
import os
import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from threading import Event, Lock, Thread

from handler.detection.detector import Detector
from handler.errors import MaskdropError, NotReady, StorageError
from model.runtime.errors import ModelError, NoRoom, ServerError

# What may be cured without a restart: a bucket or a model server that does not answer yet, a disk
# that is full.
TRANSIENT = (StorageError, ServerError, NoRoom, OSError)
# Before the second try, seconds; twice as many before each later one, to a minute.
FIRST_PAUSE_S = 1.0
LONGEST_PAUSE_S = 60.0

_log = logging.getLogger(__name__)


class ModelLoader:
    """Loads on `start` or on first use, and again while what failed may pass.

    Everybody gets the same detector, or hears why there is none yet.
    """

    def __init__(self, load: Callable[[], Detector], first_pause: float = FIRST_PAUSE_S) -> None:
        self._load = load
        self._first_pause = first_pause
        self._outcome: Detector | BaseException | None = None
        self._tried = Event()
        self._lock = Lock()
        self._started = False

    def start(self) -> None:
        """Begin to load, unless that has begun."""
        with self._lock:
            if self._started:
                return
            self._started = True
        Thread(target=self._run, name="model", daemon=True).start()

    def detector(self) -> Detector:
        """Wait until loading was tried; raises NotReady for a model that cannot be used."""
        self.start()
        self._tried.wait()
        outcome = self._outcome
        if isinstance(outcome, ModelError | MaskdropError):
            raise NotReady(f"The model cannot be used. {outcome}") from outcome
        if isinstance(outcome, BaseException):
            cause = type(outcome).__name__
            raise NotReady(f"The model cannot be used: {cause}; the log says more.") from outcome
        assert outcome is not None  # noqa: S101  # set before _tried
        return outcome

    def check_ready(self) -> None:
        """Raise NotReady while the model loads, and for one that cannot be used."""
        self.start()
        if not self._tried.is_set():
            raise NotReady("The model is still loading.")
        self.detector()

    def _run(self) -> None:
        for failures in count():
            self._outcome = self._try()
            self._tried.set()
            if not isinstance(self._outcome, TRANSIENT):
                return
            pause = min(self._first_pause * 2**failures, LONGEST_PAUSE_S)
            time.sleep(pause * random.uniform(0.5, 1))  # noqa: S311

    def _try(self) -> Detector | BaseException:
        try:
            return self._load()
        except (ModelError, MaskdropError) as error:
            _log.warning("The model cannot be used. %s", error)
            return error
        except BaseException as error:  # whoever waits must hear of it
            _log.exception("The model cannot be used.")
            return error


@contextmanager
def native_stderr_closed() -> Iterator[None]:
    """Keep what C++ libraries log while loading off the terminal; Python's errors still rise."""
    kept = os.dup(2)
    silence = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silence, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(silence)
