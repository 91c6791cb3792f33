"""The site's pure functions, by Node's own test runner; Playwright brings a Node along."""

import subprocess
from pathlib import Path

import playwright
import pytest

NODE = Path(playwright.__file__).parent / "driver/node"
FILES = sorted(Path(__file__).parent.glob("*.test.js"))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_node_finds_no_failure(file: Path) -> None:
    run = subprocess.run([NODE, "--test", file], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout
    assert "# pass 0" not in run.stdout
