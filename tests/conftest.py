from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def colour_model():
    """A version folder whose network finds a red person, a green cat and a blue dog."""
    return Path(__file__).parent / "runtime/colour_model/1"
