"""Where the milliseconds of one photograph go."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import perf_counter


class Stopwatch:
    """Adds up wall-clock time per stage; `on_stage` hears the name of each as it begins.

    It runs from when it is made.
    """

    def __init__(self, on_stage: Callable[[str], None] | None = None) -> None:
        self._on_stage = on_stage
        self._started = perf_counter()
        self._seconds: dict[str, float] = {}

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Count the time of the block as the stage's, on top of what it already has."""
        if self._on_stage:
            self._on_stage(name)
        started = perf_counter()
        try:
            yield
        finally:
            self._seconds[name] = self._seconds.get(name, 0.0) + perf_counter() - started

    @property
    def elapsed_ms(self) -> float:
        """All the time so far, stages or not."""
        return (perf_counter() - self._started) * 1000

    @property
    def milliseconds(self) -> dict[str, float]:
        """Each stage so far, in the order they began."""
        return {name: round(seconds * 1000, 2) for name, seconds in self._seconds.items()}
