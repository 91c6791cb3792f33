"""The `maskdrop` command.

Commands about models are in model/cli.py and imported when they are used: detecting
needs none of what they need.
"""

from __future__ import annotations

from importlib.metadata import version
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from handler.commands import (
    backfill,
    batch,
    cost,
    demo,
    detect,
    doctor,
    replay,
    run,
    smoke,
    upload,
)
from handler.commands.terminal import say_error
from handler.errors import MaskdropError
from model.runtime.errors import ModelError

# Who needs a package that serving does not: the extra that brings it.
_EXTRAS = {
    "tensorflow": "model",
    "ai_edge_quantizer": "model",
    "matplotlib": "model",
    "pycocotools": "model",
    "torch": "train",
    "torchvision": "train",
    "aws_lambda_powertools": "aws",
    "boto3": "local",
    "fastapi": "local",
    "fastapi_offline": "local",
    "httpx2": "client",
    "mangum": "aws",
    "moto": "local",
    "starlette": "local",
    "uvicorn": "local",
}


class _Commands(TyperGroup):
    """All commands; what goes wrong on purpose ends in one sentence, not in a traceback."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except (MaskdropError, ModelError) as error:
            say_error(str(error))
        except ModuleNotFoundError as error:
            extra = _EXTRAS.get(error.name or "")
            if extra is None:
                raise
            say_error(f"This needs {error.name}: pip install 'maskdrop[{extra}]'.")
        raise typer.Exit(1)


class _ModelCommands(TyperGroup):
    """`maskdrop model`, whose commands are imported when they are first looked at."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        del self.commands

    def __getattr__(self, name: str) -> Any:
        if name != "commands":
            raise AttributeError(name)
        from model.cli import app as models

        self.commands = typer.main.get_group(models).commands
        return self.commands


app = typer.Typer(
    cls=_Commands,
    help="Drop a photo in; its masks come back.",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_enable=False,
)
app.add_typer(
    typer.Typer(),
    cls=_ModelCommands,
    name="model",
    help="Fetch, convert, check and describe models.",
    no_args_is_help=True,
)
for each in (detect, upload, batch, smoke, backfill, run, demo, replay, doctor, cost):
    app.add_typer(each.app)


@app.callback()
def _maskdrop(
    show_version: Annotated[
        bool, typer.Option("--version", help="Show the version and leave.", is_eager=True)
    ] = False,
) -> None:
    if show_version:
        typer.echo(version("maskdrop"))
        raise typer.Exit
