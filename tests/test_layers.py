"""Imports point one way: handler -> model.runtime -> NumPy."""

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]


def imports(file: Path) -> Iterator[str]:
    """Every module that a file names in an import, wherever the import stands."""
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{name.name}" for name in node.names)


def strangers(folder: str, own: str, allowed: str) -> set[tuple[str, str]]:
    """Imports of `own` packages that are not of the `allowed` one: (file, module)."""
    return {
        (file.relative_to(ROOT).as_posix(), module)
        for file in (ROOT / folder).rglob("*.py")
        for module in imports(file)
        if module.split(".")[0] in own.split() and not f"{module}.".startswith(allowed)
    }


def test_runtime_imports_no_other_part_of_the_project() -> None:
    assert strangers("model/runtime", own="handler model", allowed="model.runtime.") == set()


def test_model_never_imports_the_handler() -> None:
    assert strangers("model", own="handler", allowed="model.") == set()


def test_handler_reaches_the_model_through_its_runtime() -> None:
    found = strangers("handler", own="model", allowed="model.runtime.")
    assert {file for file, _ in found} <= {"handler/cli.py"}
    assert all(module.startswith("model.cli.") for _, module in found)
