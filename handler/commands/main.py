"""The `maskdrop` command. Each command is imported when it is called."""

from __future__ import annotations

import sys
from errno import EPIPE
from io import TextIOWrapper
from typing import Annotated, Any

import typer

from handler.commands.extras import how_to_install
from handler.commands.lazy import Entry, LazyGroup
from handler.errors import MaskdropError
from model.runtime.errors import ModelError

# Exit code after Ctrl-C, as in terminal.py, which is not imported for a list of commands.
_INTERRUPTED = 130

_COMMANDS = {
    "detect": Entry("handler.commands.detect", "Detect objects in photographs."),
    "upload": Entry("handler.commands.upload", "Detect in photographs by a service."),
    "batch": Entry("handler.commands.batch", "Detect in many photographs by a service."),
    "model": Entry("model.cli", "Fetch, convert, check and describe models."),
    "data": Entry("model.data.cli", "Read annotations of other tools."),
    "run": Entry("handler.commands.run", "Run the whole service on this machine."),
    "demo": Entry("handler.commands.demo", "Show the service at work on sample photographs."),
    "smoke": Entry("handler.commands.smoke", "Test a running service end to end."),
    "doctor": Entry("handler.commands.doctor", "Find what is wrong with a deployment."),
    "backfill": Entry("handler.commands.backfill", "Detect in a whole prefix of a bucket."),
    "redrive": Entry("handler.commands.redrive", "Send dead letters back to the queue."),
    "replay": Entry("handler.commands.replay", "Send a saved AWS event to its function."),
    "bench": Entry("handler.commands.bench", "Measure speed and memory, beside peers too."),
    "cost": Entry("handler.commands.cost", "Estimate the cost of a thousand photographs."),
}


class _Commands(LazyGroup):
    """All commands; an expected error ends in one sentence, not in a traceback."""

    entries = _COMMANDS

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except (MaskdropError, ModelError) as error:
            _say_error(str(error))
        except ModuleNotFoundError as error:
            hint = how_to_install(error.name)
            if hint is None:
                raise
            _say_error(hint)
        except OSError as error:
            # A pipe whose reader has left is typer's to end in silence.
            if error.errno == EPIPE:
                raise
            place = f": {error.filename}" if error.filename else ""
            _say_error(f"{error.strerror or error}{place}.")
        except KeyboardInterrupt:
            _say_error("Interrupted.")
            raise typer.Exit(_INTERRUPTED) from None
        raise typer.Exit(1)


def _say_error(message: str) -> None:
    from handler.commands.terminal import say_error

    say_error(message)


app = typer.Typer(
    cls=_Commands,
    help="Detect objects in photographs: boxes, classes, and a mask for each.",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_enable=False,
    # Rich takes 0.1 s to import.
    rich_markup_mode=None,
)


def _print_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(version("maskdrop"))
        raise typer.Exit


@app.callback()
def _maskdrop(
    show_version: Annotated[
        bool,
        typer.Option(
            "--version", help="Print the version.", is_eager=True, callback=_print_version
        ),
    ] = False,
) -> None:
    """Take the options of every command."""
    for stream in (sys.stdout, sys.stderr):
        # A terminal that is not UTF-8 shows an escape for what it cannot write.
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
