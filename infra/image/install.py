"""The steps of the Dockerfile's build stages; they fill /image, a folder for each layer.

packages LOCK    a lock file's packages, into packages/
code             this project, into code/
saved-models     a SavedModel beside every .tflite that came with the code
models           the newest version of every model, out of code/ into models/
bill LOCK FILE   a bill of materials of packages/ and code/, by the tools that LOCK names
library          bytecode for Python's own library

All bytecode is unchecked: no source's time stamp is asked for it, so copying cannot spoil it.
Imports the standard library alone, and runs whatever base image's Python there is.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import venv
from collections.abc import Callable, Sequence
from pathlib import Path

IMAGE = Path("/image")
PACKAGES, CODE, MODELS = IMAGE / "packages", IMAGE / "code", IMAGE / "models"
ZOO = Path("model/zoo")
TOOLS = Path("/build/tools")

# Conversion reads them; serving does not.
WEIGHTS = "weights.npz"


def install_packages(lock: str) -> None:
    """Install wheels alone: nothing is compiled for the processor, nothing is left behind."""
    _install("--only-binary", ":all:", "--require-hashes", "--requirement", lock, to=PACKAGES)
    _compile(PACKAGES)


def install_code() -> None:
    """Install the project in /build as a package, which makes its version known."""
    _install("--require-hashes", "--requirement", "requirements/build.txt", to=TOOLS)
    _install("--no-deps", "--no-index", "--no-build-isolation", ".", to=CODE, path=[TOOLS])
    _compile(CODE)


def export_saved_models() -> None:
    """Write the newest versions' SavedModels, which TensorFlow runs."""
    for version in _newest_versions():
        name = f"{version.parent.name}/{version.name}"
        export = ["model", "export", name, "--no-litert", "--to", str(CODE / ZOO)]
        _python("-m", "handler", *export, path=[CODE, PACKAGES])


def move_models() -> None:
    """Give models a layer of their own: they change more seldom than the code."""
    for version in _newest_versions():
        leave_out = shutil.ignore_patterns(WEIGHTS)
        shutil.copytree(version, MODELS / version.relative_to(CODE), ignore=leave_out)
    shutil.rmtree(CODE / ZOO)


def write_bill(lock: str, file: str) -> None:
    """Write CycloneDX JSON of what Python finds in the image, ours and the base's."""
    venv.create(TOOLS, clear=True, with_pip=True)
    tools = TOOLS / "bin"
    _run(tools / "pip", "install", "--quiet", "--require-hashes", "--requirement", lock)
    about = ["--pyproject", "pyproject.toml", "--output-reproducible", "--output-file", file]
    _run(tools / "cyclonedx-py", "environment", *about, sys.executable, path=[CODE, PACKAGES])


def compile_library() -> None:
    """Compile Python's own library, where its image has no bytecode of it."""
    _compile(Path(sysconfig.get_path("stdlib")))


def _newest_versions() -> list[Path]:
    """The folder of every zoo model's highest version."""
    models = sorted(each for each in (CODE / ZOO).iterdir() if each.is_dir())
    return [max(model.iterdir(), key=lambda version: int(version.name)) for model in models]


def _install(*what: str, to: Path, path: Sequence[Path] = ()) -> None:
    options = ["--quiet", "--no-cache-dir", "--no-compile", "--disable-pip-version-check"]
    options += ["--root-user-action", "ignore", "--target", str(to)]
    _python("-m", "pip", "install", *options, *what, path=path)


def _compile(folder: Path) -> None:
    _python("-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash", str(folder))


def _python(*arguments: str, path: Sequence[Path] = ()) -> None:
    _run(sys.executable, *arguments, path=path)


def _run(*command: str | Path, path: Sequence[Path] = ()) -> None:
    environment = os.environ | {"PYTHONPATH": ":".join(map(str, path))}
    subprocess.run(command, env=environment, check=True)  # noqa: S603  # the Dockerfile's words


STEPS: dict[str, Callable[..., None]] = {
    "packages": install_packages,
    "code": install_code,
    "saved-models": export_saved_models,
    "models": move_models,
    "bill": write_bill,
    "library": compile_library,
}

if __name__ == "__main__":
    STEPS[sys.argv[1]](*sys.argv[2:])
