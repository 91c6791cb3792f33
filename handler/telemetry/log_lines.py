"""Log records as lines of text: what a key or an error holds cannot make a line of its own.

Keys of objects may hold newlines, and whoever may upload chooses keys.
"""

from __future__ import annotations

import logging
import re

_FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"

# What ends a line somewhere, and what moves a terminal's cursor.
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")


class LineFormatter(logging.Formatter):
    """One line per record; a traceback follows indented."""

    def __init__(self) -> None:
        super().__init__(_FORMAT)

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802  # logging's name
        return one_line(super().formatMessage(record))

    def formatException(self, ei: object) -> str:  # noqa: N802
        return _indented(super().formatException(ei))  # type: ignore[arg-type]  # as it comes

    def formatStack(self, stack_info: str) -> str:  # noqa: N802
        return _indented(super().formatStack(stack_info))


def one_line(text: str) -> str:
    """The text with its control characters as escapes."""
    return _CONTROL.sub(lambda found: repr(found[0])[1:-1], text)


def _indented(text: str) -> str:
    return "\n".join(f"    {one_line(line)}" for line in text.split("\n"))


def line_handler(handler: logging.Handler) -> logging.Handler:
    """A handler that writes lines."""
    handler.setFormatter(LineFormatter())
    return handler
