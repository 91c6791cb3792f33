"""How far an export is, in parts whose share of the time is known roughly."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

# (what is being done, shares done, shares in all)
OnProgress = Callable[[str, float, float], None]


@dataclass
class Progress:
    """Counts the shares of finished parts; a part that was kept from before counts at once."""

    total: float
    report: OnProgress = lambda doing, done, total: None
    done: float = field(default=0, init=False)

    @contextmanager
    def part(self, doing: str, share: float) -> Iterator[None]:
        """Report `doing` while the block runs, and `share` as done after it."""
        self.report(doing, self.done, self.total)
        yield
        self.done += share
        self.report(doing, self.done, self.total)
