"""`maskdrop redrive`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from handler.commands.options import read_settings
from handler.commands.terminal import say_error
from handler.errors import BadOptions

if TYPE_CHECKING:
    from handler.jobs.queue import DeadLetters
    from handler.settings import Settings

app = typer.Typer()


@app.command()
def redrive(
    stack: Annotated[
        str | None, typer.Option(metavar="NAME", help="The stack whose dead letters these are.")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="List the dead letters and change nothing.")
    ] = False,
    everything: Annotated[
        bool, typer.Option("--all", help="Send back messages that cannot be understood, too.")
    ] = False,
) -> None:
    """Send dead letters back to the queue, after what made them fail is mended.

    The queue is that of --stack, or MASKDROP_QUEUE_URL. Each message is tried as often as a new
    one. A message that Maskdrop does not understand would fail again, so it stays. Results that
    are there already are left as they are.
    """
    from handler.jobs.queue import DeadLetters, sqs_client

    settings = read_settings()
    client = sqs_client(settings.region, endpoint_url=settings.sqs_endpoint)
    letters = DeadLetters(_queue_url(stack, settings), client)
    typer.echo(f"Dead letters  {letters.url}")
    sent, stayed = _work_through(letters, dry_run=dry_run, everything=everything)
    if dry_run:
        typer.echo(f"{sent} would be sent back, {stayed} would stay.")
    else:
        typer.echo(f"{sent} sent back, {stayed} stayed.")


def _queue_url(stack: str | None, settings: Settings) -> str:
    if stack is not None:
        from handler.doctor.aws import AWS

        return AWS(settings.region).stack(stack).outputs["QueueUrl"]
    if settings.queue_url is None:
        raise BadOptions("Name the queue: --stack NAME, or MASKDROP_QUEUE_URL.")
    return settings.queue_url


def _work_through(letters: DeadLetters, *, dry_run: bool, everything: bool) -> tuple[int, int]:
    """Send back, or list, every dead letter; answers how many went and how many stayed."""
    left: list[str] = []
    sent = stayed = 0
    for receipt, body in letters.take():
        goes = _say(body) or everything
        sent, stayed = sent + goes, stayed + (not goes)
        if goes and not dry_run:
            letters.send_back(receipt, body)
        else:
            left.append(receipt)
    # Not before: they would come again at once.
    for receipt in left:
        letters.leave(receipt)
    return sent, stayed


def _say(body: str) -> bool:
    """Print what a message is; whether it can be understood."""
    from handler.jobs.envelopes import NotUnderstood, read_body

    understood = True
    for each in read_body(body):
        if isinstance(each, NotUnderstood):
            say_error(f"Not understood: {each.cause}")
            understood = False
        else:
            typer.echo(f"  {each.key!r}")
    return understood
