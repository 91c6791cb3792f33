"""Every package that serving installs is in docs/dependencies.md, with a licence that may be."""

import re
from importlib.metadata import PackageNotFoundError, metadata
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs/dependencies.md").read_text()
# What the images and `maskdrop run` install.
LOCKS = ("serving", "lambda", "server", "local")
PERMISSIVE = {
    *("0BSD", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "CC0-1.0", "ISC", "MIT", "MIT-0"),
    *("MIT-CMU", "PSF-2.0", "Zlib"),
}
# Copyleft of single files or of the library alone: each has its reason on the page.
WITH_A_REASON = {"certifi": "MPL-2.0", "tqdm": "MPL-2.0 AND MIT", "pi-heif": "LGPL-3.0-or-later"}
NAMES = sorted(
    {
        name
        for lock in LOCKS
        for name in re.findall(
            r"^([\w.-]+)==", (ROOT / f"requirements/{lock}.txt").read_text(), re.MULTILINE
        )
    }
)


def listed() -> dict[str, str]:
    """Package -> licence, as the page has them."""
    return dict(re.findall(r"^\| `([\w.-]+)` \| ([^|]+?) \|", PAGE, re.MULTILINE))


def test_every_package_of_the_serving_locks_is_listed() -> None:
    assert sorted(listed()) == NAMES


def test_every_licence_is_permissive_or_has_a_reason() -> None:
    others = {
        name: licence
        for name, licence in listed().items()
        if not set(re.split(r" (?:AND|OR) ", licence)) <= PERMISSIVE
    }
    assert others == {name: WITH_A_REASON[name] for name in others}


@pytest.mark.parametrize("name", NAMES)
def test_the_package_declares_the_licence_that_is_listed(name: str) -> None:
    try:
        found = metadata(name)
    except PackageNotFoundError:
        pytest.skip(f"{name} is not for this platform, or not installed.")
    expression = found.get("License-Expression")
    if expression:
        assert expression == listed()[name]
        return
    told = " ".join([found.get("License") or "", *(found.get_all("Classifier") or [])])
    words = re.split(r" (?:AND|OR) |[- ]", listed()[name])
    assert words[0].lower() in told.lower()
