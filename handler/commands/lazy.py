"""A group whose commands are imported when one is called, not when they are listed.

`maskdrop --help` then imports neither NumPy nor Pillow nor pydantic.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Any, NamedTuple

from typer import Typer
from typer.core import TyperGroup
from typer.main import get_group


class Entry(NamedTuple):
    """One command: the module whose `app` it is, and its line in the list."""

    module: str
    summary: str


class LazyCommands(Mapping[str, Any]):
    """Name -> click command: those of `entries`, then those that are `loaded` already."""

    def __init__(self, entries: Mapping[str, Entry], loaded: Mapping[str, Any]) -> None:
        self._entries = entries
        self._loaded = dict(loaded)

    def __getitem__(self, name: str) -> Any:
        if name not in self._loaded:
            self._loaded[name] = _load(name, import_module(self._entries[name].module).app)
        return self._loaded[name]

    def __iter__(self) -> Iterator[str]:
        return iter(dict.fromkeys((*self._entries, *self._loaded)))

    def __len__(self) -> int:
        return len({*self._entries, *self._loaded})


def _load(name: str, app: Typer) -> Any:
    """The command `name` as Typer makes it below a group: without completion, help in plain."""
    parent = Typer(add_completion=False, rich_markup_mode=None)
    is_group = len(app.registered_commands) > 1 or app.registered_groups
    parent.add_typer(app, name=name if is_group else None)
    return get_group(parent).commands[name]


class LazyGroup(TyperGroup):
    """A group of `entries`, listed in their order; subclasses name them."""

    entries: Mapping[str, Entry]

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.commands: Any = LazyCommands(self.entries, self.commands)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """List the commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, each.summary) for name, each in self.entries.items()])
