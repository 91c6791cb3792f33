"""How long a run lasts, when it evaluates, and the learning rate on the way."""

from __future__ import annotations

import math
from dataclasses import dataclass

# The learning rate rises over so many steps, or over this share of a run that is shorter.
_WARMUP_STEPS = 200
_WARMUP_SHARE = 0.05
# Without a wish, a run is evaluated ten times.
_EVALUATIONS = 10


@dataclass(frozen=True, slots=True)
class Budget:
    """A run's length, in minutes of wall clock or in steps; `every`: between evaluations.

    Only a run that counts steps is the same run on every clock.
    """

    minutes: float | None = None
    steps: int | None = None
    every: float | None = None

    @property
    def total(self) -> float:
        """The length in its own unit."""
        return self.steps or self.minutes or 0.0

    def used(self, step: int, seconds: float) -> float:
        """What `step` steps in `seconds` have used of it, in its own unit."""
        return float(step) if self.steps else seconds / 60

    def progress(self, step: int, seconds: float) -> float:
        """Share used, from 0 to 1."""
        return min(self.used(step, seconds) / self.total, 1.0)

    def is_due(self, steps: int, seconds: float) -> bool:
        """Whether to evaluate, that many steps and seconds after the last time."""
        return self.used(steps, seconds) >= (self.every or self.total / _EVALUATIONS)

    def seconds_left(self, step: int, seconds: float) -> float | None:
        """How much longer it takes at the speed so far; None before there is one."""
        progress = self.progress(step, seconds)
        return seconds / progress - seconds if progress else None

    def __str__(self) -> str:
        """`60 minutes` or `1,000 steps`."""
        return f"{self.steps:,} steps" if self.steps else f"{self.minutes:g} minutes"


def learning_rate(peak: float, step: int, progress: float, cycles: int = 1) -> float:
    """Linear warm-up, then half a cosine down to a hundredth of the peak, `cycles` times."""
    warm = min(1.0, max((step + 1) / _WARMUP_STEPS, progress / _WARMUP_SHARE))
    begun = min(ended_cycles(progress, cycles), cycles - 1)
    cosine = 0.5 * (1 + math.cos(math.pi * (progress * cycles - begun)))
    return peak * warm * max(cosine, 0.01)


def ended_cycles(progress: float, cycles: int) -> int:
    """How many of the learning rate's cycles are over, 0 to `cycles`."""
    return int(progress * cycles)
