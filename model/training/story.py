"""The header of a recipe's file: what became of the recipe.

# command: maskdrop model train --preset edge …
# hours: 1.83
# steps: 3,825
# scores: AP 0.453, AP50 0.758
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from model.training.recipe import Recipe

RECIPE = "recipe.toml"


@dataclass(frozen=True, slots=True)
class Story:
    """How a run was started and how far it came; no scores where nothing was evaluated."""

    command: str
    seconds: float
    steps: int
    scores: Mapping[str, float]

    def header(self) -> str:
        """The lines above the recipe."""
        lines = {
            "command": self.command,
            "hours": f"{self.seconds / 3600:.2f}",
            "steps": f"{self.steps:,}",
            "scores": in_words(self.scores),
        }
        return "".join(f"# {name}: {text}\n" for name, text in lines.items())


def in_words(scores: Mapping[str, float]) -> str:
    """`AP 0.453, AP50 0.758`."""
    return ", ".join(f"{name} {scores[name]:.3f}" for name in ("AP", "AP50") if scores) or "none"


def write_recipe(run: Path, recipe: Recipe, story: Story) -> None:
    """Write the run's recipe.toml, whole or not at all."""
    part = run / f"{RECIPE}.part"
    part.write_text(f"{story.header()}\n{recipe.toml()}", encoding="utf-8")
    part.replace(run / RECIPE)


def read_header(file: Path) -> dict[str, str]:
    """Read the header's lines by name."""
    return dict(re.findall(r"^# (\w+): (.*)$", file.read_text(encoding="utf-8"), re.MULTILINE))
