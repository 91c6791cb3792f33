"""The `maskdrop` command.

Commands about models are in model/cli.py and imported when they are used: detecting
needs none of what they need.
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any, get_args

import typer
from pydantic import ValidationError
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from typer.core import TyperGroup

from handler.detection import Detector
from handler.errors import BadOptions, MaskdropError
from handler.export_files import EXPORT_NAMES, ExportFile
from handler.local_run import LocalRun, Outcome
from handler.photo_files import find_photos
from handler.schemas import Manifest, Options, OutputName
from handler.settings import Settings
from model.runtime.errors import ModelError
from model.runtime.predictor import Predictor
from model.runtime.versions import find_model

_OUTPUT_NAMES: tuple[OutputName, ...] = get_args(OutputName)
_DEFAULTS = Options()
_DEFAULT_OUT = Path("out")
# Who needs a package that serving does not: the extra that brings it.
_EXTRAS = {
    "tensorflow": "model",
    "ai_edge_quantizer": "model",
    "pycocotools": "model",
    "torch": "train",
    "torchvision": "train",
}

_errors = Console(stderr=True)


class _Commands(TyperGroup):
    """All commands; what goes wrong on purpose ends in one sentence, not in a traceback."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except (MaskdropError, ModelError) as error:
            _say_error(str(error))
        except ModuleNotFoundError as error:
            extra = _EXTRAS.get(error.name or "")
            if extra is None:
                raise
            _say_error(f"This needs {error.name}: pip install 'maskdrop[{extra}]'.")
        raise typer.Exit(1)


class _ModelCommands(TyperGroup):
    """`maskdrop model`, whose commands are imported when they are first looked at."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        del self.commands

    def __getattr__(self, name: str) -> Any:
        if name != "commands":
            raise AttributeError(name)
        from model.cli import app as models

        self.commands = typer.main.get_group(models).commands
        return self.commands


app = typer.Typer(
    cls=_Commands,
    help="Drop a photo in; its masks come back.",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_enable=False,
)
app.add_typer(
    typer.Typer(),
    cls=_ModelCommands,
    name="model",
    help="Fetch, convert, check and describe models.",
    no_args_is_help=True,
)


@app.callback()
def _maskdrop(
    show_version: Annotated[
        bool, typer.Option("--version", help="Show the version and leave.", is_eager=True)
    ] = False,
) -> None:
    if show_version:
        typer.echo(version("maskdrop"))
        raise typer.Exit


@app.command()
def detect(
    photos: Annotated[
        list[str],
        typer.Argument(
            metavar="PHOTO|FOLDER|-",
            help="JPEG, PNG or WebP files; folders, for the photographs directly in them; "
            "- for one photograph on standard input.",
        ),
    ],
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            "-o",
            metavar="DIR",
            help="Where results go, a folder per photograph; if not given, "
            f"{_DEFAULT_OUT}/, and nowhere with --json alone.",
        ),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(
            "--model",
            "-m",
            metavar="NAME",
            help="A model's name, name/version or folder, as `maskdrop model list` shows them; "
            "if not given, MASKDROP_MODEL's, else the one that comes along.",
        ),
    ] = None,
    score_threshold: Annotated[
        float, typer.Option(min=0, max=1, help="Leave out instances less certain than this.")
    ] = _DEFAULTS.score_threshold,
    max_detections: Annotated[
        int, typer.Option(min=1, max=100, help="At most so many instances a photograph.")
    ] = _DEFAULTS.max_detections,
    classes: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME,NAME...", help="Look for these only, as person,cat."),
    ] = None,
    mask_threshold: Annotated[
        float, typer.Option(min=0, max=1, help="A pixel belongs to a mask above this probability.")
    ] = _DEFAULTS.mask_threshold,
    outputs: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME,NAME...",
            help=f"What to write: for each photograph {', '.join(_OUTPUT_NAMES)}; "
            f"for all together {', '.join(EXPORT_NAMES)}. If not given, "
            f"{','.join(_DEFAULTS.outputs)}.",
        ),
    ] = None,
    as_json: Annotated[
        bool,
        typer.Option(
            "--json", help="Print a JSON array of manifests on standard output, and nothing else."
        ),
    ] = False,
) -> None:
    """Find the people, animals and things in photographs, each with its mask.

    Every photograph gets a folder: its masks, itself with them drawn on it, and a manifest.json.

    Ends with 0, or with 1 when photographs failed; those are named, the others are done.
    """
    wanted = _known_outputs(_split(outputs) or _DEFAULTS.outputs)
    options = _options(
        score_threshold=score_threshold,
        max_detections=max_detections,
        classes=_split(classes) or None,
        mask_threshold=mask_threshold,
        outputs=[name for name in wanted if name in _OUTPUT_NAMES],
    )
    run = LocalRun(
        detector=_load_detector(model),
        options=options,
        out=out or (None if as_json and not outputs else _DEFAULT_OUT),
        exports=[ExportFile(name) for name in EXPORT_NAMES if name in wanted],
    )
    found = find_photos(photos)
    outcomes = _with_progress(run.detect(found), len(found))
    failed = _print_json(outcomes) if as_json else _print_table(outcomes, run)
    for each in failed:
        _say_error(f"{each.photo.path}: {each.error}")
    if failed:
        _say_error(f"{len(failed)} of {len(found)} photographs failed.")
        raise typer.Exit(1)


def _split(values: Iterable[str] | None) -> list[str]:
    """Take `--classes a,b --classes c` as a, b, c."""
    parts = (part.strip() for value in values or () for part in value.split(","))
    return list(dict.fromkeys(part for part in parts if part))


def _known_outputs(names: Iterable[str]) -> list[str]:
    known = (*_OUTPUT_NAMES, *EXPORT_NAMES)
    for name in names:
        if name not in known:
            near = difflib.get_close_matches(name, known) or known
            raise BadOptions(f"Output {name!r} is unknown; there is {', '.join(near)}.")
    return list(names)


def _options(**values: Any) -> Options:
    try:
        return Options(**values)
    except ValidationError as error:
        raise BadOptions(_explain(error, "--{}")) from None


def _settings() -> Settings:
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


def _load_detector(model: str | None) -> Detector:
    settings = _settings()
    folder = find_model(model or settings.model)
    with _native_stderr_closed():
        predictor = Predictor.load(folder, settings.backend, settings.threads)
    return Detector(predictor, settings.image_limits)


@contextmanager
def _native_stderr_closed() -> Iterator[None]:
    """Keep what C++ libraries log while loading off the terminal; Python's errors still rise."""
    kept = os.dup(2)
    silence = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silence, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(silence)


def _with_progress(outcomes: Iterator[Outcome], total: int) -> Iterator[Outcome]:
    """Show a bar on standard error while there are several photographs to come."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    hidden = total < 2 or not _errors.is_terminal
    with Progress(*columns, console=_errors, transient=True, disable=hidden) as progress:
        yield from progress.track(outcomes, total, description="Detecting")


def _print_json(outcomes: Iterable[Outcome]) -> list[Outcome]:
    """Print each manifest when it is there, so that none are kept; answer what failed."""
    failed, before = [], "["
    for outcome in outcomes:
        if outcome.manifest is None:
            failed.append(outcome)
            continue
        typer.echo(before + outcome.manifest.model_dump_json(), nl=False)
        before = ",\n"
    typer.echo("[]" if before == "[" else "]")
    return failed


def _print_table(outcomes: Iterable[Outcome], run: LocalRun) -> list[Outcome]:
    """Print a row per photograph and where the files are; answer what failed."""
    table = Table("Photograph", "Size", "Found", "Seconds", "Results", box=None, pad_edge=False)
    failed = []
    for outcome in outcomes:
        if outcome.manifest is None:
            failed.append(outcome)
        else:
            table.add_row(*_row(outcome.manifest), f"{run.out}/{outcome.photo.folder}/")
    console = Console()
    if table.row_count:
        console.print(table)
        for export in run.exports:
            console.print(f"{run.out}/{export.name}", highlight=False, markup=False)
    return failed


def _row(manifest: Manifest) -> tuple[str, str, str, str]:
    source = manifest.source
    seconds = sum(manifest.receipt.milliseconds.values()) / 1000
    size = f"{source.width}×{source.height}"
    return source.filename or "", size, _found(manifest), f"{seconds:.2f}"


def _found(manifest: Manifest) -> str:
    """`2 person (0.98, 0.91), 1 cat (0.99)`: the most certain first, three scores at most."""
    scores: dict[str, list[str]] = {}
    for each in manifest.detections:
        scores.setdefault(each.class_name, []).append(f"{each.score:.2f}")
    return (
        ", ".join(
            f"{len(found)} {name} ({', '.join(found[:3])}{', …' * (len(found) > 3)})"
            for name, found in scores.items()
        )
        or "nothing"
    )


def _say_error(message: str) -> None:
    _errors.print(f"Error: {message}", style="red", markup=False, highlight=False, soft_wrap=True)
