"""The documentation promises nothing that is not there."""

import re
from itertools import chain, takewhile
from pathlib import Path

import pytest
from typer.main import get_command

from handler.commands.main import app
from handler.settings import Settings

ROOT = Path(__file__).parents[1]
SETTINGS = (ROOT / "docs/settings.md").read_text()
MAKEFILE = (ROOT / "Makefile").read_text()
PAGES = [
    ROOT / "README.md",
    ROOT / "SECURITY.md",
    *ROOT.glob("docs/**/*.md"),
    *ROOT.glob("site/**/*.md"),
]

# Those that tell of the past show commands as they were.
PAGES_OF_NOW = [page for page in PAGES if page.name not in {"CHANGELOG.md", "experiments.md"}]


def code_of(page: Path) -> str:
    """The code blocks and code spans of a page."""
    found = re.findall(r"```\w*\n(.*?)```|`([^`\n]+)`", page.read_text(), re.DOTALL)
    return "\n".join(chain.from_iterable(found))


CODE = "\n".join(map(code_of, PAGES_OF_NOW))


def shown(command: str) -> list[str]:
    """What the documentation's code says after a command, without comments and what is piped."""
    lines = re.sub(r"\\\n[> ]*", " ", CODE).splitlines()
    calls = chain.from_iterable(
        re.split(r"\|\|?|&&|;|[$]\(", line.partition("  #")[0]) for line in lines
    )
    pattern = rf"(?:[$>] )?(?:[A-Z_]+=\S+ +)*(?:\.venv/bin/)?{command}((?: .+)?)"
    return sorted({found[1] for call in calls if (found := re.fullmatch(pattern, call.strip()))})


def find_command(words: list[str]):
    """The command that words call and the words left for it."""
    command = get_command(app)
    while words and words[0] in getattr(command, "commands", {}):
        command, words = command.commands[words[0]], words[1:]
    return command, words


def test_every_make_target_shown_exists() -> None:
    targets = re.findall(r"^([a-z-]+):", MAKEFILE, re.MULTILINE)
    words = [each for call in shown("make") for each in takewhile(is_word, call.split())]
    assert set(words) <= set(targets)


def is_word(text: str) -> bool:
    """Whether it may be a target's name; variables and shell come after those."""
    return re.fullmatch(r"[a-z-]+", text) is not None


@pytest.mark.parametrize("words", shown("maskdrop"))
def test_every_command_shown_exists(words: str) -> None:
    command, rest = find_command(words.split())
    options = {
        "--help",
        *(
            name
            for parameter in command.params
            for name in (*parameter.opts, *parameter.secondary_opts)
        ),
    }
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
    documented = re.findall(r"^\| `(MASKDROP_\w+)` \| (.*?) \| (.*) \|$", SETTINGS, re.MULTILINE)
    assert documented == [
        (
            f"MASKDROP_{name.upper()}",
            "" if field.default is None else f"`{field.default}`",
            field.description,
        )
        for name, field in Settings.model_fields.items()
    ]


def test_every_page_is_in_the_index() -> None:
    index = (ROOT / "docs/README.md").read_text()
    pages = {page.name for page in ROOT.glob("docs/*.md")} - {"README.md"}
    assert {page for page in pages if f"({page})" not in index} == set()


def test_the_readme_can_be_read_in_minutes() -> None:
    assert len((ROOT / "README.md").read_text().split()) <= 1000


def test_the_readmes_python_is_that_of_its_page() -> None:
    """tests/test_python_api.py runs the page's."""
    [shown] = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    assert shown in (ROOT / "docs/python.md").read_text()


def test_every_file_that_the_architecture_names_exists() -> None:
    folder, missing = ROOT, []
    for line in (ROOT / "docs/architecture.md").read_text().splitlines():
        for name in re.findall(r"`((?:\w+/)*\w+\.py)`", line):
            # A bare name stands in the folder of the file that its row names before it.
            folder = (ROOT / name).parent if name.startswith(("handler/", "model/")) else folder
            places = [ROOT / name, ROOT / "handler" / name, folder / name]
            missing += [] if any(map(Path.is_file, places)) else [name]
    assert missing == []
