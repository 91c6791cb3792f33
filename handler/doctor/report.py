"""Findings for people and for programs."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict

from rich.console import Console
from rich.table import Table
from rich.text import Text

from handler.doctor.findings import Finding, Level

_MARKS: dict[Level, tuple[str, str]] = {
    "green": ("✔", "green"),
    "yellow": ("?", "yellow"),
    "red": ("✘", "bold red"),
}


def print_table(findings: Iterable[Finding], console: Console) -> None:
    """Print a line per finding, and under a red one its cure."""
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    counts: Counter[Level] = Counter()
    for each in findings:
        mark, style = _MARKS[each.level]
        table.add_row(Text(mark, style), Text(each.check, style), _words(each))
        counts[each.level] += 1
    console.print(table)
    console.print(
        f"\n{counts['green']} green, {counts['red']} red, "
        f"{counts['yellow']} cannot be checked from here.",
        highlight=False,
    )


def to_json(findings: Iterable[Finding]) -> str:
    """Write findings as a JSON array."""
    return json.dumps([asdict(each) for each in findings], indent=2, ensure_ascii=False)


def _words(finding: Finding) -> Text:
    words = Text(finding.says)
    if finding.cure:
        words.append(f"\n→ {finding.cure}", "bold")
    return words
