"""Nothing that is logged makes a line of its own."""

from __future__ import annotations

import logging
import sys

import pytest

from handler.telemetry.log_lines import LineFormatter

FORGED = "2026-11-28 00:00:00,000 ERROR handler: all is lost"


def record(message: str, *values: object, error: Exception | None = None) -> logging.LogRecord:
    info = (type(error), error, error.__traceback__) if error else None
    return logging.LogRecord("handler", logging.INFO, "", 1, message, values, info)


@pytest.mark.parametrize("end", ["\n", "\r", "\r\n", "\x0b", "\x0c", "\x85", "\u2028", "\u2029"])
def test_a_key_with_a_line_end_stays_in_its_line(end: str) -> None:
    text = LineFormatter().format(record("ignored: %s", f"inbox/a{end}{FORGED}"))
    assert len(text.splitlines()) == 1
    assert FORGED in text


def test_a_traceback_is_indented_whatever_it_says() -> None:
    try:
        raise ValueError(f"inbox/a\n{FORGED}")
    except ValueError as error:
        text = LineFormatter().format(record("failed", error=error))
    lines = text.split("\n")
    assert sys.exc_info() == (None, None, None)
    assert len(lines) > 2
    assert all(line.startswith("    ") for line in lines[1:])


def test_a_cursor_cannot_be_moved() -> None:
    assert "\x1b" not in LineFormatter().format(record("\x1b[2J\x9b2J"))
