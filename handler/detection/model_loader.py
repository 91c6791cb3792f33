"""One model per process, loaded once, in the background where a server is starting."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from threading import Lock, Thread

from handler.detection.detector import Detector
from handler.errors import MaskdropError, NotReady
from model.runtime.errors import ModelError


class ModelLoader:
    """Loads on `start` or on first use; everybody gets the same detector, or the same error."""

    def __init__(self, load: Callable[[], Detector]) -> None:
        self._load = load
        self._future: Future[Detector] = Future()
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
        """Wait for the model; raises NotReady for one that cannot be used."""
        self.start()
        try:
            return self._future.result()
        except (ModelError, MaskdropError) as error:
            raise NotReady(f"The model cannot be used. {error}") from error

    def check_ready(self) -> None:
        """Raise NotReady while the model loads, and for one that cannot be used."""
        self.start()
        if not self._future.done():
            raise NotReady("The model is still loading.")
        self.detector()

    def _run(self) -> None:
        try:
            self._future.set_result(self._load())
        except BaseException as error:  # whoever waits must hear of it
            self._future.set_exception(error)


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
