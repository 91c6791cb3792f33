"""`maskdrop smoke`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from handler.commands.options import Token
from handler.commands.terminal import say_part

app = typer.Typer()


@app.command()
def smoke(
    url: Annotated[str, typer.Argument(metavar="URL", help="Where the service is.")],
    photo: Annotated[
        Path, typer.Option(exists=True, dir_okay=False, help="What its model should find.")
    ] = Path("site/samples/astronaut.jpg"),
    token: Token = None,
) -> None:
    """Try a deployed service: one photograph, end to end, every answer checked, then deleted.

    Ends with 1 and the reason where anything is wrong.
    """
    from handler.client.api_client import ApiClient
    from handler.client.smoke import smoke_test

    with ApiClient(url, token=token) as service:
        smoke_test(service, photo, say_part)
