"""The `maskdrop` command.

Commands about models are in model/cli.py and imported when they are used: detecting
needs none of what they need.
"""

from __future__ import annotations

from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from handler.backfill_cli import app as backfill_commands
from handler.cli_options import (
    DEFAULTS,
    OUTPUT_NAMES,
    Classes,
    MaskThreshold,
    MaxDetections,
    ScoreThreshold,
    Tile,
    known_outputs,
    make_options,
    read_settings,
    split_names,
)
from handler.client_cli import app as client_commands
from handler.cost_cli import app as cost_commands
from handler.detection import Detector
from handler.doctor_cli import app as doctor_commands
from handler.errors import MaskdropError
from handler.export_files import EXPORT_NAMES, ExportFile
from handler.local_cli import app as local_commands
from handler.local_run import LocalRun
from handler.model_source import find_model_folder
from handler.outcomes import Outcome
from handler.photo_files import find_photos
from handler.terminal import (
    end_with,
    native_stderr_closed,
    print_outcomes,
    say_error,
    with_progress,
)
from model.runtime.errors import ModelError
from model.runtime.predictor import Predictor

_DEFAULT_OUT = Path("out")
# Who needs a package that serving does not: the extra that brings it.
_EXTRAS = {
    "tensorflow": "model",
    "ai_edge_quantizer": "model",
    "matplotlib": "model",
    "pycocotools": "model",
    "torch": "train",
    "torchvision": "train",
    "aws_lambda_powertools": "aws",
    "boto3": "local",
    "fastapi": "local",
    "fastapi_offline": "local",
    "httpx2": "client",
    "mangum": "aws",
    "moto": "local",
    "starlette": "local",
    "uvicorn": "local",
}


class _Commands(TyperGroup):
    """All commands; what goes wrong on purpose ends in one sentence, not in a traceback."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except (MaskdropError, ModelError) as error:
            say_error(str(error))
        except ModuleNotFoundError as error:
            extra = _EXTRAS.get(error.name or "")
            if extra is None:
                raise
            say_error(f"This needs {error.name}: pip install 'maskdrop[{extra}]'.")
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
app.add_typer(client_commands)
app.add_typer(backfill_commands)
app.add_typer(local_commands)
app.add_typer(doctor_commands)
app.add_typer(cost_commands)


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
            help="A model's name, name/version or folder, as `maskdrop model list` shows them, or "
            "s3://bucket/models/name; if not given, MASKDROP_MODEL's, else the one that comes "
            "along.",
        ),
    ] = None,
    score_threshold: ScoreThreshold = DEFAULTS.score_threshold,
    max_detections: MaxDetections = DEFAULTS.max_detections,
    classes: Classes = None,
    mask_threshold: MaskThreshold = DEFAULTS.mask_threshold,
    tile: Tile = DEFAULTS.tile,
    outputs: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME,NAME...",
            help=f"What to write: for each photograph {', '.join(OUTPUT_NAMES)}; "
            f"for all together {', '.join(EXPORT_NAMES)}. If not given, "
            f"{','.join(DEFAULTS.outputs)}.",
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
    wanted = known_outputs(split_names(outputs) or DEFAULTS.outputs, (*OUTPUT_NAMES, *EXPORT_NAMES))
    options = make_options(
        score_threshold=score_threshold,
        max_detections=max_detections,
        classes=split_names(classes) or None,
        mask_threshold=mask_threshold,
        outputs=[name for name in wanted if name in OUTPUT_NAMES],
        tile=tile,
    )
    run = LocalRun(
        detector=_load_detector(model),
        options=options,
        out=out or (None if as_json and not outputs else _DEFAULT_OUT),
        exports=[ExportFile(name) for name in EXPORT_NAMES if name in wanted],
    )
    found = find_photos(photos)
    outcomes = with_progress(run.detect(found), len(found), "Detecting")
    failed = _print_json(outcomes) if as_json else _print_table(outcomes, run)
    end_with(failed, len(found))


def _load_detector(model: str | None) -> Detector:
    settings = read_settings()
    folder = find_model_folder(model or settings.model, settings)
    with native_stderr_closed():
        predictor = Predictor.load(folder, settings.backend, settings.threads)
    return Detector(predictor, settings.image_limits)


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
    failed = print_outcomes(outcomes, run.out)
    for export in run.exports:
        typer.echo(f"{run.out}/{export.name}")
    return failed
