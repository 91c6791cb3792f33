"""Commands that run the service itself on this machine."""

from __future__ import annotations

import logging
import signal
from pathlib import Path
from threading import Event
from typing import Annotated

import typer

app = typer.Typer()

_STATE = Path(".maskdrop")
_LOG = "maskdrop.log"


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
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with local_service(state, port=port, say=say_part) as service:
            typer.echo(f"\nOpen {service.url} (Ctrl-C stops; the log is {state / _LOG}).")
            Event().wait()
    except KeyboardInterrupt:
        typer.echo(f"\nStopped. What was uploaded is kept in {state}/.")


def say_part(name: str, words: str) -> None:
    """Print the line of one part that is up."""
    typer.echo(f"{name:<7} {words}")


def _log_to(folder: Path) -> None:
    """Keep the log out of the terminal."""
    folder.mkdir(parents=True, exist_ok=True)
    logging.basicConfig(
        filename=folder / _LOG,
        level=logging.INFO,
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
    )
