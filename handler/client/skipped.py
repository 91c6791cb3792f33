"""What a search for photographs passes over, and why, in one line."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from handler.client.text import printable

# How many suffixes are named.
_SHOWN = 4


@dataclass(slots=True)
class Skipped:
    """Counts of what was not taken; `others` by suffix."""

    others: Counter[str] = field(default_factory=Counter)
    hidden: int = 0
    links: int = 0
    results: int = 0
    folders: int = 0

    def __str__(self) -> str:
        """`Skipped: 2 files that are not photographs (.txt), 1 hidden file.`, or nothing."""
        parts = ", ".join(self._parts())
        return f"Skipped: {parts}." if parts else ""

    def _parts(self) -> Iterator[str]:
        if self.others:
            files = _count(self.others.total(), "file")
            yield f"{files} without a photograph's suffix{self._suffixes()}"
        if self.hidden:
            yield _count(self.hidden, "hidden file")
        if self.links:
            yield _count(self.links, "link") + " to folders"
        if self.results:
            yield _count(self.results, "result folder") + " of Maskdrop"
        if self.folders:
            yield _count(self.folders, "subfolder") + " (search with --recursive)"

    def _suffixes(self) -> str:
        named = [printable(each) for each, _ in self.others.most_common() if each]
        more = ", …" if len(named) > _SHOWN else ""
        return f" ({', '.join(named[:_SHOWN])}{more})" if named else ""


def _count(number: int, thing: str) -> str:
    return f"{number:,} {thing}{'s' * (number > 1)}"
