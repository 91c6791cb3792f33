"""The README promises nothing that is not there."""

import re
from itertools import chain
from pathlib import Path

import pytest
from typer.main import get_command

from handler.commands.main import app
from handler.settings import Settings

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
MAKEFILE = (ROOT / "Makefile").read_text()
PAGES = [ROOT / "README.md", *ROOT.glob("docs/**/*.md"), *ROOT.glob("site/**/*.md")]

CODE = "\n".join(
    chain.from_iterable(re.findall(r"```\w*\n(.*?)```|`([^`\n]+)`", README, re.DOTALL))
)


def shown(command: str) -> list[str]:
    """What the README's code says after a command's name, without comments."""
    return sorted(set(re.findall(rf"(?<![\w./-]){command}((?: [^\n#|]+)?)", CODE)))


def find_command(words: list[str]):
    """The command that words call and the words left for it."""
    command = get_command(app)
    while words and words[0] in getattr(command, "commands", {}):
        command, words = command.commands[words[0]], words[1:]
    return command, words


def test_every_make_target_shown_exists() -> None:
    targets = re.findall(r"^([a-z-]+):", MAKEFILE, re.MULTILINE)
    assert {name for words in shown("make") for name in words.split() if "=" not in name} <= set(
        targets
    )


@pytest.mark.parametrize("words", shown(r"(?:\.venv/bin/)?maskdrop"))
def test_every_command_shown_exists(words: str) -> None:
    command, rest = find_command(words.split())
    options = {"--help", *(name for parameter in command.params for name in parameter.opts)}
    assert not hasattr(command, "commands") or not rest
    assert {word for word in rest if re.match(r"--?\w", word)} <= options


def test_every_make_target_explains_itself() -> None:
    public = set(re.findall(r"^\.PHONY: (.+)$", MAKEFILE, re.MULTILINE))
    assert public == set(re.findall(r"^([a-z-]+):.*## \w", MAKEFILE, re.MULTILINE))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_relative_links_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text())
    assert [link for link in links if not (page.parent / link).exists()] == []


def test_settings_are_documented_as_they_are() -> None:
    documented = re.findall(r"^\| `(MASKDROP_\w+)` \| (.*?) \| (.*) \|$", README, re.MULTILINE)
    assert documented == [
        (
            f"MASKDROP_{name.upper()}",
            "" if field.default is None else f"`{field.default}`",
            field.description,
        )
        for name, field in Settings.model_fields.items()
    ]
