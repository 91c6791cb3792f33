"""Shell sessions of the documentation, run as they are shown."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_END = "end-of-output"


@dataclass(frozen=True, slots=True)
class Step:
    """One command, maybe of several lines, and what is shown of its output; … is anything."""

    command: str
    output: str

    def matches(self, output: str) -> bool:
        """Whether a command's output is what is shown."""
        pattern = ".*".join(map(re.escape, self.output.split("…")))
        return re.fullmatch(pattern, output, re.DOTALL) is not None


def read_steps(text: str) -> list[Step]:
    """Read every `console` block: `$ ` begins a command, `> ` goes on with it."""
    blocks = "".join(re.findall(r"```console\n(.*?)```", text, re.DOTALL))
    parts = re.findall(r"^\$ (.*\n(?:> .*\n)*)((?:(?!\$ ).*\n)*)", blocks, re.MULTILINE)
    return [Step(command.replace("\n> ", "\n").strip(), output) for command, output in parts]


def run_steps(steps: list[Step], folder: Path) -> Iterator[tuple[Step, str]]:
    """Run the commands in one shell; each with its output."""
    script = "".join(f"{step.command}\necho {_END}\n" for step in steps)
    shell = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    yield from zip(steps, shell.stdout.split(f"{_END}\n"), strict=False)
    assert shell.returncode == 0, shell.stdout
