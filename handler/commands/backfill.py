"""The command that starts a backfill and follows it."""

from __future__ import annotations

import time
from collections import Counter
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated
from uuid import uuid4

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar
from rich.table import Table

from handler.bucket.keys import OURS, SCHEME
from handler.client.outcomes import cause_words
from handler.commands.options import read_settings
from handler.commands.terminal import errors, say_error
from handler.errors import BadKey, BadOptions, StorageError

if TYPE_CHECKING:
    from handler.bucket.objects import ObjectStore
    from handler.jobs.backfill_report import BackfillReport
    from handler.jobs.step_functions import Progress, StateMachine

app = typer.Typer()

# How many failed objects the terminal names; the report has all of them.
SHOWN = 20


@app.command()
def backfill(
    source: Annotated[
        str, typer.Argument(metavar="s3://BUCKET/PREFIX", help="Prefix of the photographs.")
    ],
    state_machine: Annotated[
        str | None, typer.Option(metavar="ARN", help="The state machine of infra/backfill.yaml.")
    ] = None,
    stack: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="The state machine's stack, in place of its ARN."),
    ] = None,
    max_failures: Annotated[
        float,
        typer.Option(
            min=0, max=100, metavar="PERCENT", help="Maximum failed objects before the run fails."
        ),
    ] = 5,
    concurrency: Annotated[
        int,
        typer.Option(min=1, max=1000, metavar="N", help="Maximum concurrent batches of 20."),
    ] = 10,
    follow: Annotated[bool, typer.Option(help="Wait for the end and print the report.")] = True,
    poll_interval: Annotated[
        float, typer.Option(min=0.1, metavar="SECONDS", help="Polling interval.")
    ] = 2,
) -> None:
    """Detect objects in every photograph that is already under a prefix of the bucket.

    Runs in AWS as a Distributed Map of Step Functions; Ctrl-C does not stop it. Photographs that
    have a result are skipped, so a run can be repeated. Exit code 1 if the run failed.
    """
    from handler.jobs.backfill_report import report_key
    from handler.jobs.step_functions import open_state_machine
    from handler.wiring import open_url

    if (state_machine is None) == (stack is None):
        raise BadOptions("Either --state-machine or --stack is needed, and not both.")
    settings = read_settings()
    if settings.store != "s3":
        raise BadOptions(
            f"MASKDROP_STORE is {settings.store!r}; a backfill is run by AWS Step Functions, which "
            "lists objects of Amazon S3 only."
        )
    store, prefix = open_url(settings, source)
    if prefix.startswith(OURS):
        raise BadKey(f"{source} holds what Maskdrop wrote; a prefix of photographs is expected.")
    machine = open_state_machine(state_machine, stack, settings.region)
    run = f"backfill-{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{uuid4().hex[:6]}"
    execution = machine.start(
        run,
        {
            "bucket": store.bucket,
            "prefix": prefix,
            "at_once": concurrency,
            "max_failures": max_failures,
        },
    )
    typer.echo(f"Run     {execution}")
    typer.echo(f"Report  {SCHEME}{store.bucket}/{report_key(run)}")
    if follow:
        _end_with(_follow(machine, execution, poll_interval), store, run)


def _follow(machine: StateMachine, execution: str, poll_interval: float) -> Progress:
    """Show the progress of a run until it ends."""
    columns = (
        TextColumn("Detecting"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[failed]} failed"),
        TimeRemainingColumn(),
    )
    with Bar(*columns, console=errors, transient=True, disable=not errors.is_terminal) as bar:
        task = bar.add_task("", total=None, failed=0)
        while not (progress := machine.progress(execution)).is_over:
            bar.update(
                task,
                completed=progress.done + progress.failed,
                total=progress.total or None,
                failed=progress.failed,
            )
            time.sleep(poll_interval)
    return progress


def _end_with(progress: Progress, store: ObjectStore, run: str) -> None:
    """Print the report; ends the command with 1 unless the run succeeded."""
    from handler.jobs.backfill_report import read_report

    succeeded = progress.state == "SUCCEEDED"
    try:
        report = read_report(store, run)
    except StorageError:
        # A run that failed early has none.
        if succeeded:
            raise
    else:
        _print(report)
        if not report.total:
            say_error(f"There is no object under {report.prefix!r}.")
            raise typer.Exit(1)
    if not succeeded:
        say_error(f"The run ended as {progress.state}. {progress.cause}".strip())
        raise typer.Exit(1)


def _print(report: BackfillReport) -> None:
    table = Table("Outcome", "Objects", box=None, pad_edge=False)
    for outcome in ("done", "existing", "skipped", "failed", "pending"):
        table.add_row(outcome, str(getattr(report, outcome)))
    Console().print(table)
    for cause, count in Counter(each.type for each in report.failures).most_common():
        say_error(f"{count:,} failed: {cause_words(cause.rpartition(':')[2])}")
    for each in report.failures[:SHOWN]:
        say_error(f"{each.key}: {each.detail}")
    if len(report.failures) > SHOWN:
        say_error(f"… and {len(report.failures) - SHOWN} more, in the report.")
