"""Measure several things in turns, so that a busy machine is as slow for each of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from statistics import median, quantiles
from time import perf_counter
from typing import TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Spread:
    """The median of some samples, and the quartiles below and above it."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, samples: list[float]) -> Spread:
        """Of one sample or more; one sample has no spread."""
        low, _, high = quantiles(samples, n=4) if len(samples) > 1 else (samples[0],) * 3
        return cls(median(samples), low, high)

    def rounded(self, digits: int = 2) -> dict[str, float]:
        """The three figures, for a report."""
        return {
            "median": round(self.median, digits),
            "low": round(self.low, digits),
            "high": round(self.high, digits),
        }


def in_turns(cases: Mapping[str, Callable[[], T]], rounds: int) -> dict[str, list[T]]:
    """Call every case once a round; the answers of each, in order.

    Every second round goes backwards, so that none always follows the same other one. Each case
    is called once more before, and that answer is dropped: caches and clocks warm up.
    """
    for case in cases.values():
        case()
    answers: dict[str, list[T]] = {name: [] for name in cases}
    for number in range(rounds):
        for name in reversed(list(cases)) if number % 2 else cases:
            answers[name].append(cases[name]())
    return answers


def timed(
    work: Callable[[], object], clock: Callable[[], float] = perf_counter
) -> Callable[[], float]:
    """Wrap `work` so that it answers its own milliseconds, by `clock`'s seconds.

    `time.process_time` counts the processor's: on one thread that is the time on an idle machine.
    """

    def measure() -> float:
        began = clock()
        work()
        return (clock() - began) * 1000

    return measure


def ratios(samples: Mapping[str, list[float]], base: str) -> dict[str, Spread]:
    """How many times as long as `base` each takes, round by round."""
    return {
        name: Spread.of([mine / other for mine, other in zip(each, samples[base], strict=True)])
        for name, each in samples.items()
    }
