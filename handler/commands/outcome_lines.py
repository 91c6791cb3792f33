"""The results of a run as lines: aligned columns where they fit, else a paragraph each.

Nothing is ever cut: a path that is longer than the terminal is wide is wrapped by the terminal.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from handler.client.outcomes import Outcome, list_found
from handler.client.photo_names import NamedPhoto
from handler.client.text import printable
from handler.schemas import Manifest

# Where names are longer than this, only their own lines lose the alignment.
_WIDEST = 40
_SIZE = 11  # 16384×16384
_SECONDS = 7
# Columns that are kept free for what was found.
_FOUND = 24
_GAP = "  "


@dataclass(frozen=True, slots=True)
class Layout:
    """How the lines of one run are laid out; widths of 0 are for paragraphs."""

    out: Path | None
    name: int
    results: int

    @property
    def header(self) -> str:
        """The columns' titles; empty for paragraphs."""
        if not self.name:
            return ""
        return self._columns("Photograph", "Size", "Seconds", "Results", "Found")

    def line(self, outcome: Outcome, manifest: Manifest) -> str:
        """One photograph's line or lines."""
        source = manifest.source
        size = f"{source.width}×{source.height}"
        seconds = f"{sum(manifest.receipt.milliseconds.values()) / 1000:.2f}"
        title, found = printable(outcome.photo.title), printable(list_found(manifest))
        where = _results(outcome.photo, self.out)
        if self.name:
            return self._columns(title, size, "kept" if outcome.kept else seconds, where, found)
        took = "kept" if outcome.kept else f"{seconds} s"
        return f"{title}\n    {found}\n    {', '.join(filter(None, (size, took, where)))}"

    def _columns(self, name: str, size: str, seconds: str, results: str, found: str) -> str:
        cells = [_pad(name, self.name), _pad(size, _SIZE), f"{seconds:>{_SECONDS}}"]
        if self.out:
            cells.append(_pad(results, self.results))
        return _GAP.join([*cells, found])


def lay_out(photos: Sequence[NamedPhoto], out: Path | None, width: int | None) -> Layout:
    """Lay out for `width` columns of a terminal, or for a file."""
    names = max([_width(printable(each.title)) for each in photos] or [0])
    results = max([_width(_results(each, out)) for each in photos] or [0])
    needed = names + _SIZE + _SECONDS + results + _FOUND + 4 * len(_GAP)
    if width is not None and needed > width:
        return Layout(out, 0, 0)
    return Layout(out, max(min(names, _WIDEST), 10), max(min(results, _WIDEST), 7))


def _results(photo: NamedPhoto, out: Path | None) -> str:
    return printable(f"{out}/{photo.folder}/") if out else ""


def _width(text: str) -> int:
    from rich.cells import cell_len

    return cell_len(text)


def _pad(text: str, width: int) -> str:
    """Fill up to `width` columns, of which a Chinese character takes two."""
    return text + " " * (width - _width(text))
