"""What a process does that runs the embedded stack: where it logs, how its parts are reached."""

from __future__ import annotations

import logging
import os
from pathlib import Path

from handler.telemetry.log_lines import line_handler

LOG = "maskdrop.log"


def reach_loopback_directly() -> None:
    """Keep what HTTP_PROXY names out of the talk between the parts."""
    for name in ("NO_PROXY", "no_proxy"):
        os.environ[name] = ",".join(filter(None, ["127.0.0.1,localhost", os.environ.get(name)]))


def log_to(folder: Path) -> None:
    """Keep the log out of the terminal."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = line_handler(logging.FileHandler(folder / LOG, delay=True))
    logging.basicConfig(level=logging.INFO, handlers=[lines])
