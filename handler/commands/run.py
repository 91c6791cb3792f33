"""`maskdrop run`."""

from __future__ import annotations

import signal
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Annotated

import typer

from handler.commands.terminal import say_part
from handler.local.process import LOG, log_to, reach_loopback_directly

if TYPE_CHECKING:
    from handler.local.service import LocalService

app = typer.Typer()

_STATE = Path(".maskdrop")
_ENVIRONMENT = "environment"


@app.command()
def run(
    port: Annotated[
        int,
        typer.Option(
            min=0,
            max=65535,
            metavar="PORT",
            help="Port of the site and the API; 0 for any free one.",
        ),
    ] = 8080,
    state: Annotated[
        Path,
        typer.Option(metavar="DIR", help="Folder of the bucket and the log; kept across restarts."),
    ] = _STATE,
) -> None:
    """Run the whole service on this machine: bucket, queue, worker, API and site.

    Listens on the loopback interface only. Ctrl-C stops it.
    """
    from handler.local.service import local_service

    # Photographs, keys and logs in it are for its owner's eyes.
    state.mkdir(parents=True, exist_ok=True)
    state.chmod(0o700)
    log_to(state)
    reach_loopback_directly()
    # SIGINT too: a shell has what it starts in the background ignore it.
    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, signal.default_int_handler)
    try:
        with local_service(state, port=port, say=say_part) as service:
            _write_environment(service, state / _ENVIRONMENT)
            typer.echo(f"\nOpen {service.url} (Ctrl-C stops the service; log: {state / LOG}).")
            Event().wait()
    except KeyboardInterrupt:
        typer.echo(f"\nStopped. Uploads and results are kept in {state}/.")


def _write_environment(service: LocalService, path: Path) -> None:
    """Write what other programs need to use the service; it has keys: for the owner alone."""
    lines = (f"export {name}={value}\n" for name, value in service.environment.items())
    path.touch(mode=0o600)
    path.write_text("".join(lines))
