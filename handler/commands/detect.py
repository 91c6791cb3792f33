"""`maskdrop detect`."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import typer

from handler.client.detect_files import LocalRun
from handler.client.outcomes import Outcome
from handler.client.photo_files import find_photos
from handler.commands.options import (
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
from handler.commands.terminal import end_with, print_outcomes, with_progress
from handler.detection.annotation_files import ANNOTATION_FORMATS, AnnotationFile
from handler.detection.detector import Detector
from handler.detection.model_loader import native_stderr_closed
from handler.photo.formats import NAMES
from handler.wiring import load_detector

app = typer.Typer()

_DEFAULT_OUT = Path("out")


@app.command()
def detect(
    photos: Annotated[
        list[str],
        typer.Argument(
            metavar="PHOTO|FOLDER|-",
            help=f"{NAMES} files; folders, for the photographs directly in them; "
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
            f"for all together {', '.join(ANNOTATION_FORMATS)}. If not given, "
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
    wanted = known_outputs(
        split_names(outputs) or DEFAULTS.outputs, (*OUTPUT_NAMES, *ANNOTATION_FORMATS)
    )
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
        exports=[AnnotationFile(name) for name in ANNOTATION_FORMATS if name in wanted],
    )
    found = find_photos(photos)
    outcomes = with_progress(run.detect(found), len(found), "Detecting")
    failed = _print_json(outcomes) if as_json else _print_table(outcomes, run)
    end_with(failed, len(found))


def _load_detector(model: str | None) -> Detector:
    with native_stderr_closed():
        return load_detector(read_settings(), model)


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
