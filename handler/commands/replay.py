"""`maskdrop replay`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer()


@app.command()
def replay(
    event: Annotated[
        Path,
        typer.Argument(
            metavar="EVENT.json",
            exists=True,
            dir_okay=False,
            help="Event as AWS sends it to a function.",
        ),
    ],
) -> None:
    """Call the Lambda function that an AWS event is for, and print its answer.

    HTTP requests go to the API, S3 events and SQS messages to the batch function, with the
    settings of this environment. `. .maskdrop/environment` sets those of a running `maskdrop run`.
    """
    from handler.local.replay import read_event, replay_event

    typer.echo(json.dumps(replay_event(read_event(event)), indent=2))
