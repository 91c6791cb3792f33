"""Files that come with Maskdrop: the site, and photographs to try it with.

In a clone `www` is a link to site/; in a wheel it is a copy. An image that serves has neither.
"""

from __future__ import annotations

from pathlib import Path

from handler.errors import BadOptions

SITE = Path(__file__).with_name("www")
SAMPLES = SITE / "samples"


def sample(name: str, folder: Path = SAMPLES) -> Path:
    """The photograph `name` in `folder`; raises BadOptions where it is not there."""
    path = folder / name
    if path.is_file():
        return path
    cure = "name a photograph of yours" if folder == SAMPLES else "look for it in site/samples/"
    raise BadOptions(f"There is no {path}; {cure}.")
