"""`maskdrop batch`."""

from __future__ import annotations

from typing import Annotated

import typer

from handler.commands.options import (
    DEFAULTS,
    Api,
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
    Token,
    make_options,
    output_folder,
    wanted_outputs,
)

app = typer.Typer()


@app.command()
def batch(
    photos: Photos,
    api: Api,
    token: Token = None,
    out: Out = None,
    recursive: Recursive = False,
    parallel: Annotated[
        int,
        typer.Option(min=1, max=64, metavar="N", help="Photographs processed in parallel."),
    ] = 4,
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
    """Detect objects in many photographs by a service, several in parallel.

    Works as `maskdrop upload` does, and also writes contact-sheet.html, a page with every result.
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
    from handler.commands.photo_run import RunOutput, make_annotation_files
    from handler.commands.remote import run_remote

    report = RunOutput(
        output_folder(out, outputs, as_json),
        make_annotation_files(wanted),
        contact_sheet=True,
        as_json=as_json,
        quiet=quiet,
    )
    run_remote(
        photos,
        options,
        report,
        api=api,
        token=token,
        recursive=recursive,
        reprocess=reprocess,
        parallel=parallel,
    )
