"""docs/cost.md: the tables between two marks, and the measurements that they are made from."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pydantic import TypeAdapter

from handler.detection.cost_table import Work, cost_tables

_DOCS = Path(__file__).parents[2] / "docs"
PAGE = _DOCS / "cost.md"
JSON = _DOCS / "cost.json"

_BEGIN, _END = "<!-- tables: make cost -->", "<!-- end -->"


def measured() -> list[Work]:
    """What was measured."""
    return TypeAdapter(list[Work]).validate_json(JSON.read_bytes())


def with_tables(page: str, works: Sequence[Work]) -> str:
    """The page with the tables of these measurements."""
    before, _, rest = page.partition(_BEGIN)
    _, _, after = rest.partition(_END)
    return f"{before}{_BEGIN}\n{cost_tables(works)}\n{_END}{after}"
