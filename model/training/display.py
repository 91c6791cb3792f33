"""What a run shows while it goes on: a line that changes on a terminal, a few lines in a log."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Mapping
from datetime import timedelta
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

from model.training.schedule import Budget
from model.training.story import in_words

# Steps over which the losses and the speed are averaged.
_RECENT = 20
_LOG_SECONDS = 60.0


class Display:
    """Progress of a run on a console."""

    def __init__(self, console: Console, budget: Budget, batch: int) -> None:
        self.console, self.budget, self.batch = console, budget, batch
        self._bar = Progress(
            BarColumn(20), TextColumn("{task.description}"), console=console, transient=True
        )
        self._task = self._bar.add_task("reading the first photographs", total=1.0)
        self._losses: deque[Mapping[str, float]] = deque(maxlen=_RECENT)
        self._ended: deque[float] = deque(maxlen=_RECENT + 1)
        self._logged = time.monotonic()
        self._ap: float | None = None

    def __enter__(self) -> Display:
        if self.console.is_terminal:
            self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self._bar.stop()

    def say(self, text: str) -> None:
        """Print something that stays."""
        self.console.print(text, markup=False, highlight=False, soft_wrap=True)

    def show_scores(self, step: int, scores: Mapping[str, float]) -> None:
        """Print what an evaluation found, and go on showing it."""
        self._ap = scores["AP"]
        self.say(f"step {step:,}: {in_words(scores)}")

    def show_step(self, step: int, seconds: float, losses: Mapping[str, float]) -> None:
        """Show where the run is after a step."""
        self._losses.append(losses)
        self._ended.append(time.monotonic())
        line = f"step {step:,} · {self._mean_losses()} · {self._speed()}"
        line += f" · {_clock(self.budget.seconds_left(step, seconds))} left"
        if self._ap is not None:
            line += f" · AP {self._ap:.3f}"
        progress = self.budget.progress(step, seconds)
        self._bar.update(self._task, completed=progress, description=line)
        if not self.console.is_terminal and self._ended[-1] - self._logged > _LOG_SECONDS:
            self._logged = self._ended[-1]
            self.say(f"{progress:4.0%} {line}")

    def _mean_losses(self) -> str:
        """The sum, and what it is made of."""
        means = {
            name.removeprefix("loss_"): sum(each[name] for each in self._losses) / len(self._losses)
            for name in self._losses[0]
        }
        parts = ", ".join(f"{name} {value:.2f}" for name, value in means.items())
        return f"loss {sum(means.values()):.2f} ({parts})"

    def _speed(self) -> str:
        if len(self._ended) < 2:
            return "… images/s"
        images = self.batch * (len(self._ended) - 1)
        return f"{images / (self._ended[-1] - self._ended[0]):.1f} images/s"


def _clock(seconds: float | None) -> str:
    return "…" if seconds is None else str(timedelta(seconds=round(seconds)))
