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
        int, typer.Option(min=0, max=65535, help="Where the site is; if taken, any free port.")
    ] = 8080,
    state: Annotated[
        Path, typer.Option(metavar="DIR", help="Where bucket and log are kept across restarts.")
    ] = _STATE,
) -> None:
    """Run bucket, queue, worker, API and site on this machine, until Ctrl-C."""
    from handler.local.service import local_service

    log_to(state)
    reach_loopback_directly()
    # SIGINT too: a shell has what it starts in the background ignore it.
    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, signal.default_int_handler)
    try:
        with local_service(state, port=port, say=say_part) as service:
            _write_environment(service, state / _ENVIRONMENT)
            typer.echo(f"\nOpen {service.url} (Ctrl-C stops; the log is {state / LOG}).")
            Event().wait()
    except KeyboardInterrupt:
        typer.echo(f"\nStopped. What was uploaded is kept in {state}/.")


def _write_environment(service: LocalService, path: Path) -> None:
    """Tell other programs how to reach the service's parts; for the owner's eyes, it has keys."""
    lines = (f"export {name}={value}\n" for name, value in service.environment.items())
    path.touch(mode=0o600)
    path.write_text("".join(lines))
