"""`maskdrop model`: bring, slim, export, check, measure and describe models.

One file a command in model/commands/. Thin: every command calls one use case, imported
when it runs, so that `--help` needs neither TensorFlow nor pycocotools.
"""

from __future__ import annotations

import typer

from model.commands import (
    bench,
    check_data,
    export,
    fetch,
    import_checkpoint,
    info,
    list_models,
    verify,
)
from model.evaluation.cli import app as evaluation_commands
from model.slimming.cli import app as slimming_commands
from model.training.cli import app as training_commands

app = typer.Typer(help="Fetch, convert, check and describe models.", no_args_is_help=True)
for commands in (
    fetch.app,
    import_checkpoint.app,
    export.app,
    verify.app,
    bench.app,
    check_data.app,
    list_models.app,
    info.app,
    evaluation_commands,
    slimming_commands,
    training_commands,
):
    app.add_typer(commands)
