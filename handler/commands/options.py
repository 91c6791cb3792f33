"""Options that several commands take, and how what is wrong with them is said."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, get_args

import typer
from pydantic import ValidationError

from handler.errors import BadOptions
from handler.schemas import Options, OutputName
from handler.settings import Settings

OUTPUT_NAMES: tuple[OutputName, ...] = get_args(OutputName)
DEFAULTS = Options()

ScoreThreshold = Annotated[
    float, typer.Option(min=0, max=1, help="Leave out instances less certain than this.")
]
MaxDetections = Annotated[
    int, typer.Option(min=1, max=100, help="At most so many instances a photograph.")
]
Classes = Annotated[
    list[str] | None,
    typer.Option(metavar="NAME,NAME...", help="Look for these only, as person,cat."),
]
MaskThreshold = Annotated[
    float, typer.Option(min=0, max=1, help="A pixel belongs to a mask above this probability.")
]
Tile = Annotated[
    bool, typer.Option(help="Look at large photographs in tiles too: finds small things, slower.")
]

Token = Annotated[
    str | None,
    typer.Option(
        envvar="MASKDROP_TOKEN",
        metavar="JWT",
        help="For an API that asks for one; better given in the environment than here.",
    ),
]
Api = Annotated[
    str, typer.Option("--api", metavar="URL", help="Where the service is, as http://host:port.")
]
Out = Annotated[
    Path,
    typer.Option("--out", "-o", metavar="DIR", help="Where results go, a folder per photograph."),
]
Outputs = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAME,NAME...",
        help=f"What to fetch: {', '.join(OUTPUT_NAMES)}. If not given, "
        f"{','.join(DEFAULTS.outputs)}.",
    ),
]


def split_names(values: Iterable[str] | None) -> list[str]:
    """Take `--classes a,b --classes c` as a, b, c."""
    parts = (part.strip() for value in values or () for part in value.split(","))
    return list(dict.fromkeys(part for part in parts if part))


def known_outputs(names: Iterable[str], known: Iterable[str] = OUTPUT_NAMES) -> list[str]:
    """Pass on `names`; raises BadOptions for one that is not `known`, with those that are near."""
    names, known = list(names), list(known)
    for name in names:
        if name not in known:
            near = difflib.get_close_matches(name, known) or known
            raise BadOptions(f"Output {name!r} is unknown; there is {', '.join(near)}.")
    return names


def make_options(**values: Any) -> Options:
    """Options as the command line gave them; raises BadOptions."""
    try:
        return Options(**values)
    except ValidationError as error:
        raise BadOptions(_explain(error, "--{}")) from None


def remote_options(
    score_threshold: float,
    max_detections: int,
    classes: list[str] | None,
    mask_threshold: float,
    outputs: list[str] | None,
    tile: bool,
) -> Options:
    """The options of a command that sends photographs to a service; raises BadOptions."""
    return make_options(
        score_threshold=score_threshold,
        max_detections=max_detections,
        classes=split_names(classes) or None,
        mask_threshold=mask_threshold,
        outputs=known_outputs(split_names(outputs) or DEFAULTS.outputs),
        tile=tile,
    )


def read_settings() -> Settings:
    """Settings as the environment gives them; raises BadOptions."""
    try:
        return Settings()
    except ValidationError as error:
        raise BadOptions(_explain(error, "MASKDROP_{}")) from None


def _explain(error: ValidationError, spelling: str) -> str:
    """Put the first thing that is wrong into a sentence."""
    first = error.errors()[0]
    name = str(first["loc"][0])
    name = name.upper() if spelling.startswith("MASKDROP") else name.replace("_", "-")
    return f"{spelling.format(name)} is {first['input']!r}: {first['msg'].lower()}."
