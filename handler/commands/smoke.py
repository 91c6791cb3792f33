"""`maskdrop smoke`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from handler.commands.options import Token
from handler.commands.terminal import say_part
from handler.local.bundled import SAMPLES, sample

app = typer.Typer()


@app.command()
def smoke(
    url: Annotated[
        str,
        typer.Argument(
            metavar="URL", envvar="MASKDROP_API", help="The service, as http://host:port."
        ),
    ],
    photo: Annotated[
        Path,
        typer.Option(
            metavar="FILE",
            help="Photograph to send; the model must find something in it. "
            "By default the astronaut that comes with Maskdrop.",
            show_default=False,
        ),
    ] = SAMPLES / "astronaut.jpg",
    token: Token = None,
) -> None:
    """Test a deployed service end to end: upload, detect, check the masks, delete.

    Exit code 1 and the reason if any step fails.
    """
    from handler.client.api_client import ApiClient
    from handler.client.smoke import smoke_test

    with ApiClient(url, token=token) as service:
        smoke_test(service, sample(photo.name, photo.parent), say_part)
