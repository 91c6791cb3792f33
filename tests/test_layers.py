"""Imports point one way, room by room: a room imports what MAY_IMPORT names, and nothing above it.

commands -> doctor, local, client -> web -> wiring -> jobs -> detection -> bucket -> masks, photo
"""

import ast
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@cache
def imports(file: Path, root: Path = ROOT) -> tuple[str, ...]:
    """Every module that a file names in an import, wherever the import stands."""
    package = file.relative_to(root).parent.parts
    nodes = ast.walk(ast.parse(file.read_text()))
    return tuple(module for node in nodes for module in named_by(node, package))


def imports_on_load(file: Path) -> Iterator[str]:
    """The modules that importing the file imports: not those that a function asks for later."""
    nodes: list[ast.AST] = [ast.parse(file.read_text())]
    while nodes:
        node = nodes.pop()
        yield from named_by(node, file.relative_to(ROOT).parent.parts)
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            nodes.extend(ast.iter_child_nodes(node))


def named_by(node: ast.AST, package: tuple[str, ...]) -> Iterator[str]:
    """The modules that one statement or call imports, from inside `package`."""
    match node:
        case ast.Import(names):
            yield from (alias.name for alias in names)
        case ast.ImportFrom(module, names, level):
            parents = package[: len(package) - level + 1] if level else ()
            origin = ".".join((*parents, *filter(None, [module])))
            yield from (f"{origin}.{alias.name}" for alias in names)
        case ast.Call(
            ast.Name("import_module" | "__import__") | ast.Attribute(attr="import_module"),
            [ast.Constant(str(name)), *_],
        ):
            yield name


def within(module: str, packages: Iterable[str]) -> bool:
    return any(f"{module}.".startswith(f"{package}.") for package in packages)


def trespasses(
    folder: str, banned: Iterable[str], allowed: Iterable[str] = (), root: Path = ROOT
) -> set[tuple[str, str]]:
    """Imports of the banned packages, save for the allowed parts of them: (file, module)."""
    return {
        (file.relative_to(root).as_posix(), module)
        for file in (root / folder).rglob("*.py")
        for module in imports(file, root)
        if within(module, banned) and not within(module, allowed)
    }


def test_runtime_imports_no_other_part_of_the_project() -> None:
    assert trespasses("model/runtime", ["handler", "model"], allowed=["model.runtime"]) == set()


def test_model_takes_nothing_of_the_handler_but_its_decoder() -> None:
    """What a model learns from and is scored on is decoded by what serves it, and in one file."""
    found = trespasses("model", ["handler"])
    assert {file for file, _ in found} == {"model/photographs.py"}
    assert all(within(module, ["handler.photo", "handler.errors"]) for _, module in found)


# What every room shares stands at the top of handler/; so do the doors, one per platform.
SHARED = {"errors", "prices", "schemas", "settings"}
DOORS = {"api_entry", "backfill_entry", "batch_entry", "server_entry"}
MAY_IMPORT = {
    "prices": set(),
    "errors": set(),
    "schemas": {"prices"},
    "photo": {"errors"},
    "outbound": {"errors"},
    "settings": {"prices", "errors", "photo", "outbound"},
    "telemetry": set(),
    "masks": {"errors", "schemas"},
    "bucket": {"errors", "schemas"},
    "notifications": {"errors", "schemas", "bucket", "outbound"},
    "detection": {*SHARED, "photo", "masks", "bucket", "notifications", "telemetry"},
    "jobs": {*SHARED, "detection", "bucket", "telemetry"},
    "wiring": {
        *SHARED, "jobs", "detection", "bucket", "notifications", "outbound", "telemetry"
    },
    "web": {
        *SHARED, "wiring", "jobs", "detection", "bucket", "masks", "photo", "outbound", "telemetry"
    },
    "client": {*SHARED, "web", "wiring", "detection", "bucket", "masks", "photo"},
    "local": {*SHARED, "web", "wiring", "jobs", "detection", "bucket", "photo", "telemetry"},
    "doctor": {*SHARED, "client", "web", "wiring", "detection", "bucket", "photo"},
    "bench": {"errors", "schemas", "detection", "photo"},
    "commands": {
        *SHARED, "bench", "doctor", "local", "client", "wiring", "jobs", "detection", "bucket",
        "photo",
    },
    "__main__": {"commands"},
    "api_entry": {"wiring", "web", "telemetry"},
    "server_entry": {"wiring", "web", "telemetry"},
    "batch_entry": {"wiring", "jobs", "telemetry"},
    "backfill_entry": {"wiring", "jobs", "telemetry"},
}  # fmt: skip


def rooms() -> set[str]:
    """The folders and single files of handler/."""
    here = (ROOT / "handler").iterdir()
    return {
        each.stem
        for each in here
        if (each.suffix == ".py" or any(each.rglob("*.py"))) and each.stem != "__init__"
    }


def room_imports(room: str) -> set[str]:
    """The other rooms that the files of one room import, at load or later."""
    path = ROOT / "handler" / room
    files = path.rglob("*.py") if path.is_dir() else [path.with_suffix(".py")]
    found = {
        module.split(".")[1]
        for file in files
        for module in imports(file)
        if within(module, ["handler"])
    }
    return found - {room}


def test_nothing_new_stands_at_the_top() -> None:
    assert rooms() == set(MAY_IMPORT)


@pytest.mark.parametrize("room", sorted(MAY_IMPORT))
def test_a_room_imports_only_those_below_it(room: str) -> None:
    assert room_imports(room) - MAY_IMPORT[room] == set()


def test_no_room_is_above_itself() -> None:
    order: list[str] = []
    while len(order) < len(MAY_IMPORT):
        ready = [
            each for each in MAY_IMPORT if each not in order and MAY_IMPORT[each] <= set(order)
        ]
        assert ready, f"a circle among {set(MAY_IMPORT) - set(order)}"
        order += ready


def test_handler_reaches_the_model_through_its_runtime() -> None:
    found = trespasses("handler", ["model"], allowed=["model.runtime"])
    assert {file for file, _ in found} <= {"handler/commands/main.py"}
    assert all(within(module, ["model.cli"]) for _, module in found)


def test_the_command_line_loads_the_models_commands_lazily() -> None:
    cli = ROOT / "handler/commands/main.py"
    assert [module for module in imports_on_load(cli) if within(module, ["model.cli"])] == []


def test_only_the_edges_speak_to_aws() -> None:
    edges = (
        "handler/bucket/",
        "handler/jobs/queue.py",
        "handler/jobs/step_functions.py",
        "handler/doctor/aws.py",
        "handler/local/",
    )
    found = trespasses("handler", ["boto3", "botocore"]) | trespasses("model", ["boto3"])
    assert {file for file, _ in found if not file.startswith(edges)} == set()


def test_only_the_web_layer_knows_fastapi() -> None:
    found = trespasses("handler", ["fastapi"]) | trespasses("model", ["fastapi"])
    assert {file for file, _ in found if not file.startswith("handler/web/")} == set()


def test_only_training_needs_pytorch() -> None:
    found = trespasses("model", ["torch", "torchvision"]) | trespasses("handler", ["torch"])
    # What `maskdrop bench peers` runs in an environment of its own.
    apart = ("model/training/", "handler/bench/peer_process.py")
    assert {file for file, _ in found if not file.startswith(apart)} == set()


def test_a_backend_is_loaded_when_it_is_asked_for() -> None:
    """Each backend's file may import its library; no file imports a backend on load."""
    backends = set((ROOT / "model/runtime/backends").glob("[!_]*.py"))
    heavy = [f"model.runtime.backends.{file.stem}" for file in backends]
    heavy += ["tensorflow", "ai_edge_litert", "grpc"]
    files = {*(ROOT / "handler").rglob("*.py"), *(ROOT / "model/runtime").rglob("*.py")} - backends
    # Benchmarks take networks apart; nothing that serves imports them.
    files -= set((ROOT / "handler/bench").glob("*.py"))
    loaded = {module for file in files for module in imports_on_load(file)}
    assert {module for module in loaded if within(module, heavy)} == set()


@pytest.mark.parametrize(
    "statement",
    [
        "import model.weights",
        "import os, model.weights.fetch as fetch",
        "from model.weights import fetch",
        "from model import weights",
        "from ..weights import fetch",
        "from .. import weights",
        "def later():\n    from model.weights.fetch import fetch",
        "if TYPE_CHECKING:\n    import model.weights",
        "importlib.import_module('model.weights')",
        "__import__('model.weights')",
    ],
)
def test_no_way_of_importing_escapes(statement: str, tmp_path: Path) -> None:
    intruder = tmp_path / "model" / "runtime" / "intruder.py"
    intruder.parent.mkdir(parents=True)
    intruder.write_text(statement)
    found = trespasses("model/runtime", ["model"], allowed=["model.runtime"], root=tmp_path)
    assert {file for file, _ in found} == {"model/runtime/intruder.py"}


@pytest.mark.parametrize(
    "statement",
    ["from model.runtime.errors import FetchError", "from . import errors", "import modelling"],
)
def test_what_is_allowed_is_not_reported(statement: str, tmp_path: Path) -> None:
    neighbour = tmp_path / "model" / "runtime" / "neighbour.py"
    neighbour.parent.mkdir(parents=True)
    neighbour.write_text(statement)
    assert not trespasses("model/runtime", ["model"], allowed=["model.runtime"], root=tmp_path)
