"""Options that several commands take, and how what is wrong with them is said."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, get_args

import typer
from pydantic import ValidationError

from handler.bucket.objects import ObjectStore
from handler.detection.annotation_files import ANNOTATION_FORMATS
from handler.errors import BadOptions
from handler.photo.formats import NAMES
from handler.schemas import Options, OutputName
from handler.settings import Settings
from model.runtime.edges import Edges

OUTPUT_NAMES: tuple[OutputName, ...] = get_args(OutputName)
DEFAULTS = Options()
DEFAULT_OUT = Path("out")

Photos = Annotated[
    list[str],
    typer.Argument(
        metavar="PHOTO",
        help=f"{NAMES} files; folders; s3://BUCKET/PREFIX; or - for standard input.",
    ),
]
Recursive = Annotated[
    bool, typer.Option("--recursive", "-r", help="Search the subfolders of folders too.")
]
Out = Annotated[
    Path | None,
    typer.Option(
        "--out",
        "-o",
        metavar="DIR",
        help=f"Folder for the results, one subfolder per photograph. [default: {DEFAULT_OUT}; with "
        "--json alone, nothing is written]",
        show_default=False,
    ),
]
ScoreThreshold = Annotated[
    float,
    typer.Option(
        min=0, max=1, metavar="SCORE", help="Minimum score. Detections below it are hidden."
    ),
]
MaxDetections = Annotated[
    int, typer.Option(min=1, max=100, metavar="N", help="Maximum instances per photograph.")
]
Classes = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAMES",
        help="Classes to detect, separated by commas: person,cat. [default: every class]",
        show_default=False,
    ),
]
MaskThreshold = Annotated[
    float,
    typer.Option(min=0, max=1, metavar="P", help="Minimum probability of a pixel to be in a mask."),
]
Tile = Annotated[
    bool,
    typer.Option(
        "--tile", help="Also detect in tiles of large photographs. Finds small objects; slower."
    ),
]
EdgesOption = Annotated[
    Edges | None,
    typer.Option(
        "--edges",
        help="Masks as the network makes them (plain), or masks that follow the photograph's edges "
        "(refined). [default: MASKDROP_EDGES where the detection runs, else refined]",
        show_default=False,
    ),
]
Outputs = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAMES",
        help=f"Outputs to write, separated by commas. Per photograph: {', '.join(OUTPUT_NAMES)}. "
        f"Per run: {', '.join(ANNOTATION_FORMATS)}. [default: {','.join(DEFAULTS.outputs)}]",
        show_default=False,
    ),
]
Reprocess = Annotated[
    bool, typer.Option("--reprocess", help="Reprocess photographs that have results.")
]
AsJson = Annotated[
    bool, typer.Option("--json", help="Print the manifests as a JSON array on standard output.")
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print errors only.")]

Token = Annotated[
    str | None,
    typer.Option(
        envvar="MASKDROP_TOKEN",
        metavar="JWT",
        help="Bearer token, if the API requires one. Prefer the environment variable.",
    ),
]
Api = Annotated[
    str,
    typer.Option(
        "--api", envvar="MASKDROP_API", metavar="URL", help="The service, as http://host:port."
    ),
]


def split_names(values: Iterable[str] | None) -> list[str]:
    """Take `--classes a,b --classes c` as a, b, c."""
    parts = (part.strip() for value in values or () for part in value.split(","))
    return list(dict.fromkeys(part for part in parts if part))


def wanted_outputs(outputs: list[str] | None) -> list[str]:
    """The outputs that were asked for; raises BadOptions for an unknown one, naming near ones."""
    names, known = (
        split_names(outputs) or list(DEFAULTS.outputs),
        (*OUTPUT_NAMES, *ANNOTATION_FORMATS),
    )
    for name in names:
        if name not in known:
            near = difflib.get_close_matches(name, known) or known
            raise BadOptions(f"Unknown output {name!r}; did you mean {', '.join(near)}?")
    return names


def make_options(*, classes: list[str] | None, outputs: Iterable[str], **values: Any) -> Options:
    """Options as the command line gave them; raises BadOptions."""
    per_photo = [name for name in outputs if name in OUTPUT_NAMES]
    chosen: dict[str, Any] = {"classes": split_names(classes) or None, "outputs": per_photo}
    try:
        return Options(**chosen, **values)
    except ValidationError as error:
        raise BadOptions(_explain(error, "--{}")) from None


def output_folder(out: Path | None, outputs: list[str] | None, as_json: bool) -> Path | None:
    """Where results go; None where only JSON was asked for."""
    return out or (None if as_json and not outputs else DEFAULT_OUT)


def check_url(api: str) -> str:
    """Pass on the address of a service; raises BadOptions for what is no http:// URL."""
    if not api.startswith(("http://", "https://")):
        raise BadOptions(f"The service's URL is {api!r}; it has to start with http:// or https://.")
    return api


def read_settings() -> Settings:
    """Settings as the environment gives them; raises BadOptions."""
    try:
        return Settings()
    except ValidationError as error:
        raise BadOptions(_explain(error, "MASKDROP_{}")) from None


def open_url(url: str) -> tuple[ObjectStore, str]:
    """Open the bucket of s3://bucket/prefix; answers it and the prefix. Raises BadKey."""
    from handler import wiring

    return wiring.open_url(read_settings(), url)


def _explain(error: ValidationError, spelling: str) -> str:
    """Put the first thing that is wrong into a sentence."""
    first = error.errors()[0]
    if not first["loc"]:
        # Of several settings together; the sentence names them, and the value may be a secret.
        return first["msg"].removeprefix("Value error, ")
    name = str(first["loc"][0])
    name = name.upper() if spelling.startswith("MASKDROP") else name.replace("_", "-")
    return f"{spelling.format(name)} is {first['input']!r}: {first['msg'].lower()}."
