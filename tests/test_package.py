"""The package as a stranger gets it: what is in it, and that it works outside a clone."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from handler.commands.main import app
from model.runtime.versions import DEFAULT_MODEL, ZOO, latest_version

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
# Megabytes; 46 were three versions and their float weights.
MOST_MB = 12
REGISTRIES = re.compile(r"pypi|pythonhosted|anaconda|conda-forge|ghcr|docker\.(com|io)")


def tracked() -> list[str]:
    """The repository's files; what git has as a link is the link."""
    listing = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    names = listing.stdout.splitlines()
    return [name for name in names if os.path.lexists(ROOT / name)]


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clone without its history."""
    folder = tmp_path_factory.mktemp("clone")
    for name in tracked():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, folder / name, follow_symlinks=False)
    return folder


@pytest.fixture(scope="module")
def wheel(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    build = ["-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", str(source)]
    subprocess.run([sys.executable, *build, "--wheel-dir", folder], check=True)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def names(wheel: Path) -> set[str]:
    return set(zipfile.ZipFile(wheel).namelist())


def test_the_wheel_is_small(wheel: Path) -> None:
    assert wheel.stat().st_size < MOST_MB * 1e6


def test_the_wheel_has_all_code_and_nothing_of_tests(names: set[str]) -> None:
    code = {"maskdrop.py"} | {
        name for name in tracked() if re.match(r"(handler|model)/.*\.(py|toml|typed)$", name)
    }
    assert code <= names
    tops = {name.partition("/")[0] for name in names}
    assert tops == {"handler", "model", "maskdrop.py", f"maskdrop-{PROJECT['version']}.dist-info"}


def test_the_wheel_has_the_newest_model_and_what_serving_reads_of_it(names: set[str]) -> None:
    newest = latest_version(ZOO / DEFAULT_MODEL).relative_to(ROOT).as_posix()
    served = {f"{newest}/{name}" for name in ("manifest.json", "model.tflite", "golden.jpg")}
    assert {name for name in names if name.startswith("model/zoo/")} == served


def test_the_wheel_has_the_whole_site(names: set[str]) -> None:
    site = {name.removeprefix("site/") for name in tracked() if name.startswith("site/")}
    assert {f"handler/local/www/{name}" for name in site} <= names


def test_the_wheel_has_the_samples_that_an_export_is_calibrated_on(names: set[str]) -> None:
    samples = {f"model/export/samples/{name}.jpg" for name in ("astronaut", "chelsea", "coffee")}
    assert {name for name in names if name.startswith("model/export/samples/")} == samples


def test_the_source_archive_is_the_repository(source: Path, tmp_path: Path) -> None:
    build = "from setuptools.build_meta import build_sdist; build_sdist({!r})"
    run = [sys.executable, "-c", build.format(str(tmp_path))]
    subprocess.run(run, cwd=source, check=True, capture_output=True)
    (archive,) = tmp_path.glob("*.tar.gz")
    with tarfile.open(archive) as opened:
        held = {name.partition("/")[2] for name in opened.getnames()}
    links = {name for name in tracked() if (ROOT / name).is_symlink()}
    assert set(tracked()) - links - held == set()


def test_no_address_of_the_project_is_a_registry() -> None:
    addresses = list(PROJECT.get("urls", {}).values())
    assert [each for each in addresses if REGISTRIES.search(each)] == []
    assert "Typing :: Typed" in PROJECT["classifiers"]


# ---- installed


@pytest.fixture(scope="module")
def maskdrop(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The command in a fresh environment that has the wheel; what it depends on is lent."""
    home = tmp_path_factory.mktemp("fresh")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", home / "venv"], check=True)
    pip = [sys.executable, "-m", "pip", "--python", home / "venv/bin/python"]
    install = ["install", "--quiet", "--no-deps", "--no-index", "--disable-pip-version-check"]
    subprocess.run([*pip, *install, wheel], check=True)
    (packages,) = (home / "venv/lib").glob("python*/site-packages")
    # A path alone: the editable install's own .pth files are not read there.
    lent = {path for path in sys.path if Path(path).name in ("site-packages", "dist-packages")}
    # SeaweedFS's server is looked for beside Python.
    (home / "venv/bin/weed").symlink_to(Path(sys.executable).with_name("weed"))
    (packages / "lent.pth").write_text("\n".join(sorted(lent)))
    return home / "venv/bin/maskdrop"


def run(maskdrop: Path, folder: Path, *arguments: Any) -> subprocess.CompletedProcess[str]:
    """Run the command in `folder`, outside any clone; it ends with 0."""
    done = subprocess.run(
        [maskdrop, *map(str, arguments)],
        cwd=folder, capture_output=True, text=True, env=environment(), timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done


def environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("MASKDROP_")}
    return {name: value for name, value in kept.items() if name != "PYTHONPATH"} | {"COLUMNS": "99"}


def test_it_is_the_wheel_that_runs(maskdrop: Path, tmp_path: Path) -> None:
    python = maskdrop.with_name("python")
    where = "import handler, maskdrop; print(handler.__file__, maskdrop.__file__)"
    done = subprocess.run(
        [python, "-c", where], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert done.stdout.count(str(maskdrop.parents[1])) == 2


def test_the_version_is_printed(maskdrop: Path, tmp_path: Path) -> None:
    assert run(maskdrop, tmp_path, "--version").stdout == f"{PROJECT['version']}\n"


def commands() -> Iterator[tuple[str, ...]]:
    """Every command, and every command of a group."""
    yield ()
    for name, command in get_command(app).commands.items():  # type: ignore[attr-defined]
        yield (name,)
        for below in getattr(command, "commands", {}):
            yield (name, below)


def test_every_help_is_printed(maskdrop: Path, tmp_path: Path) -> None:
    calls = list(commands())
    assert len(calls) > 20
    code = (
        "import sys\nfrom typer.testing import CliRunner\nfrom handler.commands.main import app\n"
        "for call in sys.stdin.read().splitlines():\n"
        "    answer = CliRunner().invoke(app, [*call.split(), '--help'])\n"
        "    assert answer.exit_code == 0, (call, answer.output, answer.exception)\n"
    )
    lines = "\n".join(" ".join(call) for call in calls)
    done = subprocess.run(
        [maskdrop.with_name("python"), "-c", code], input=lines + "\n",
        cwd=tmp_path, capture_output=True, text=True, env=environment(),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


def test_a_photograph_is_detected(maskdrop: Path, tmp_path: Path) -> None:
    shutil.copy(ROOT / "site/samples/astronaut.jpg", tmp_path)
    assert "person" in run(maskdrop, tmp_path, "detect", "astronaut.jpg").stdout
    assert (tmp_path / "out/astronaut/manifest.json").is_file()


def test_the_demo_goes_through(maskdrop: Path, tmp_path: Path) -> None:
    shown = run(maskdrop, tmp_path, "demo").stdout
    assert "astronaut" in shown
    assert (tmp_path / "out/demo/coffee/overlay.jpg").is_file()


def test_the_service_runs_with_its_site_and_passes_smoke(maskdrop: Path, tmp_path: Path) -> None:
    command = [maskdrop, "run", "--port", "0", "--state", tmp_path / "state"]
    with subprocess.Popen(
        command, cwd=tmp_path, stdout=subprocess.PIPE, text=True, env=environment()
    ) as service:
        try:
            assert service.stdout is not None
            lines = _until_open(service.stdout)
            assert any(line.startswith("Site") for line in lines)
            url = re.search(r"http://localhost:\d+", lines[-1])
            assert url is not None
            assert "Delete" in run(maskdrop, tmp_path, "smoke", url[0]).stdout
        finally:
            service.send_signal(signal.SIGINT)
            service.communicate(timeout=60)


def _until_open(lines: Iterator[str]) -> list[str]:
    """What `maskdrop run` prints until it is up."""
    seen: list[str] = []
    for line in lines:
        seen.append(line)
        if line.startswith("Open "):
            break
    return seen
