import os
import signal
from pathlib import Path

import pytest

# Rich reads COLUMNS when a console is made. These make theirs on import, and pytest-xdist sets
# COLUMNS in its workers; a test that sets it afterwards must be heard.
os.environ.pop("COLUMNS", None)
# Shells start what runs in the background with Ctrl-C ignored, and processes inherit that: those
# that tests interrupt would go on for ever.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

import model.commands.options
import model.evaluation.cli
import model.slimming.cli
import model.training.cli  # noqa: F401


@pytest.fixture(scope="session")
def colour_model():
    """A version folder whose network finds a red person, a green cat and a blue dog."""
    return Path(__file__).parent / "runtime/colour_model/1"
