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
            metavar="EVENT.json", exists=True, dir_okay=False, help="As AWS sends it to a function."
        ),
    ],
) -> None:
    """Hand an AWS event to the Lambda function that it is for, and print the answer.

    HTTP requests go to the API, S3 events and SQS messages to the batch function. Both work
    with what the environment says; `.maskdrop/environment` says how to reach a running
    `maskdrop run`.
    """
    from handler.local.replay import read_event, replay_event

    typer.echo(json.dumps(replay_event(read_event(event)), indent=2))
