"""`maskdrop detect`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from handler.commands.options import (
    DEFAULTS,
    AsJson,
    Classes,
    EdgesOption,
    MaskThreshold,
    MaxDetections,
    Out,
    Outputs,
    Photos,
    Quiet,
    Recursive,
    Reprocess,
    ScoreThreshold,
    Tile,
    make_options,
    open_url,
    output_folder,
    read_settings,
    wanted_outputs,
)

if TYPE_CHECKING:
    from handler.detection.detector import Detector

app = typer.Typer()


@app.command()
def detect(
    photos: Photos,
    out: Out = None,
    model: Annotated[
        str | None,
        typer.Option(
            "--model",
            "-m",
            metavar="NAME",
            help="Model name, NAME/VERSION, folder, or s3://BUCKET/models/NAME; `maskdrop model "
            "list` lists them. [default: MASKDROP_MODEL, else the embedded model]",
            show_default=False,
        ),
    ] = None,
    recursive: Recursive = False,
    score_threshold: ScoreThreshold = DEFAULTS.score_threshold,
    max_detections: MaxDetections = DEFAULTS.max_detections,
    classes: Classes = None,
    mask_threshold: MaskThreshold = DEFAULTS.mask_threshold,
    tile: Tile = DEFAULTS.tile,
    edges: EdgesOption = DEFAULTS.edges,
    outputs: Outputs = None,
    reprocess: Reprocess = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Detect objects in photographs on this machine, with a mask for each.

    Writes a folder per photograph: masks, the photograph with the masks drawn on it, and
    manifest.json. A photograph that has a result from the same model and options is kept; run the
    command again after Ctrl-C to continue.

    Exit code: 0 on success, 1 if a photograph failed, 2 for a usage error, 130 after Ctrl-C.
    """
    wanted = wanted_outputs(outputs)
    options = make_options(
        score_threshold=score_threshold,
        max_detections=max_detections,
        classes=classes,
        mask_threshold=mask_threshold,
        outputs=wanted,
        tile=tile,
        edges=edges,
    )
    from handler.client.detect_files import LocalRun
    from handler.client.photo_search import find_photos
    from handler.commands.photo_run import RunOutput, make_annotation_files, run_photos

    report = RunOutput(
        output_folder(out, outputs, as_json),
        make_annotation_files(wanted),
        as_json=as_json,
        quiet=quiet,
    )
    report.check()
    search = find_photos(photos, open_url, recursive=recursive)
    run = LocalRun(_load_detector(model), options, report.out, resume=not reprocess)
    run_photos(search, report, lambda _: run.detect_all(search.photos))


def _load_detector(model: str | None) -> Detector:
    from handler.detection.model_loader import native_stderr_closed
    from handler.wiring import load_detector

    with native_stderr_closed():
        return load_detector(read_settings(), model)
