"""Promises of the repository itself: locks, licence, change log, package."""

import re
import subprocess
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[1]
LOCKS = sorted(ROOT.glob("requirements/*.txt"))
ENVIRONMENTS_OF_THEIR_OWN = {"checks.txt", "labelstudio.txt", "sam.txt"}
# Extras that would not fit beside the others: PyTorch, and TensorFlow for the CPU alone.
LOCKED_APART = {"gpu", "train"}
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def tracked_files(*folders: str) -> list[str]:
    listing = subprocess.run(
        ["git", "ls-files", *folders], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return listing.stdout.splitlines()


def pinned(lock: Path) -> dict[str, str]:
    """Package -> version."""
    return dict(re.findall(r"^([\w.-]+)==([^ ;]+)", lock.read_text(), re.MULTILINE))


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.name)
def test_every_pin_in_a_lock_has_hashes(lock: Path) -> None:
    pins = re.split(r"\n(?=\S)", lock.read_text().strip())
    assert pins
    assert [pin for pin in pins if "==" not in pin or "--hash=sha256:" not in pin] == []


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.name)
def test_locks_name_no_registry(lock: Path) -> None:
    assert (
        re.findall(r".*(?:://|--index|--extra-index|--find-links|--trusted).*", lock.read_text())
        == []
    )


def test_locks_agree_with_each_other() -> None:
    together = [lock for lock in LOCKS if lock.name not in ENVIRONMENTS_OF_THEIR_OWN]
    every_pin = {pin for lock in together for pin in pinned(lock).items()}
    assert len(every_pin) == len(dict(every_pin))


@pytest.mark.parametrize("extra", sorted(PROJECT["optional-dependencies"]))
def test_every_extra_is_locked(extra: str) -> None:
    lock = pinned(ROOT / f"requirements/{extra if extra in LOCKED_APART else 'dev'}.txt")
    wanted = map(Requirement, PROJECT["dependencies"] + PROJECT["optional-dependencies"][extra])
    assert [str(each) for each in wanted if lock.get(each.name, "0") not in each.specifier] == []


@pytest.mark.parametrize("lock", ["serving", "lambda", "server"])
def test_serving_installs_neither_tensorflow_nor_pytorch(lock: str) -> None:
    assert not {"tensorflow", "tensorflow-cpu", "torch", "keras"} & set(
        pinned(ROOT / f"requirements/{lock}.txt")
    )


def test_change_log_opens_with_the_version_of_the_project() -> None:
    newest = re.search(r"^## \[(.+?)\]", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert newest is not None
    assert newest[1] == PROJECT["version"]


def test_licence_is_the_one_declared() -> None:
    assert PROJECT["license"] == "Apache-2.0"
    assert "Version 2.0, January 2004" in (ROOT / "LICENSE").read_text()


def test_no_file_names_a_path_of_one_machine() -> None:
    machine_path = re.compile(rb"(?<![\w.~-])/(?:work|root|home/\w+|Users/\w+)/")
    files = [name for name in tracked_files() if (ROOT / name).is_file()]
    found = [name for name in files if machine_path.search((ROOT / name).read_bytes())]
    assert [
        name for name in found if Path(name).suffix not in {".jpg", ".png", ".npz", ".pth"}
    ] == []
