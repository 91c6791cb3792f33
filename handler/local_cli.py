"""Commands that run the service itself on this machine."""

from __future__ import annotations

import json
import logging
import os
import signal
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event
from typing import TYPE_CHECKING, Annotated

import typer

from handler.terminal import say_part

if TYPE_CHECKING:
    from handler.local_service import LocalService

app = typer.Typer()

_STATE = Path(".maskdrop")
_LOG = "maskdrop.log"
_ENVIRONMENT = "environment"


@app.command()
def run(
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Where the site is; if taken, any free port.")
    ] = 8080,
    state: Annotated[
        Path, typer.Option(metavar="DIR", help="Where bucket and log are kept across restarts.")
    ] = _STATE,
) -> None:
    """Run bucket, queue, worker, API and site on this machine, until Ctrl-C."""
    from handler.local_service import local_service

    _log_to(state)
    _reach_loopback_directly()
    # SIGINT too: a shell has what it starts in the background ignore it.
    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, signal.default_int_handler)
    try:
        with local_service(state, port=port, say=say_part) as service:
            _write_environment(service, state / _ENVIRONMENT)
            typer.echo(f"\nOpen {service.url} (Ctrl-C stops; the log is {state / _LOG}).")
            Event().wait()
    except KeyboardInterrupt:
        typer.echo(f"\nStopped. What was uploaded is kept in {state}/.")


@app.command()
def demo(
    samples: Annotated[
        Path, typer.Argument(metavar="FOLDER", help="Where the sample photographs are.")
    ] = Path("site/samples"),
    out: Annotated[
        Path, typer.Option("--out", "-o", metavar="DIR", help="Where the results go.")
    ] = Path("out/demo"),
) -> None:
    """Run the service for as long as it takes to show it at work, and keep the results."""
    from handler.demo import run_demo
    from handler.local_service import local_service

    _log_to(out)
    _reach_loopback_directly()
    with TemporaryDirectory() as state:
        with local_service(Path(state), port=0, say=say_part) as service:
            run_demo(service, samples, out)
        typer.echo(f"\nStopped. The masks, and the photographs with them drawn in, are in {out}/.")


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
    from handler.replay import read_event, replay_event

    typer.echo(json.dumps(replay_event(read_event(event)), indent=2))


def _write_environment(service: LocalService, path: Path) -> None:
    """Tell other programs how to reach the service's parts; for the owner's eyes, it has keys."""
    lines = (f"export {name}={value}\n" for name, value in service.environment.items())
    path.touch(mode=0o600)
    path.write_text("".join(lines))


def _reach_loopback_directly() -> None:
    """Keep what HTTP_PROXY names out of the talk between the parts."""
    for name in ("NO_PROXY", "no_proxy"):
        os.environ[name] = ",".join(filter(None, ["127.0.0.1,localhost", os.environ.get(name)]))


def _log_to(folder: Path) -> None:
    """Keep the log out of the terminal."""
    folder.mkdir(parents=True, exist_ok=True)
    logging.basicConfig(
        filename=folder / _LOG,
        level=logging.INFO,
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
    )
