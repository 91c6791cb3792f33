"""`maskdrop doctor`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from handler.commands.options import Token, read_settings
from handler.errors import BadOptions

if TYPE_CHECKING:
    import httpx2

    from handler.doctor.findings import Finding

app = typer.Typer()

# A cold start takes seconds; API Gateway gives up after 30.
_TIMEOUT_S = 35.0


@app.command()
def doctor(
    stack: Annotated[
        str | None, typer.Option(metavar="NAME", help="Check a deployed stack of template.yaml.")
    ] = None,
    api: Annotated[
        str | None, typer.Option(metavar="URL", help="Check a running API from the outside.")
    ] = None,
    origin: Annotated[
        list[str] | None,
        typer.Option(
            metavar="ORIGIN",
            help="With --api: origin of a site that has to be allowed, as https://example.org.",
        ),
    ] = None,
    region: Annotated[
        str | None,
        typer.Option(
            metavar="REGION",
            help="AWS region of the stack. [default: MASKDROP_REGION]",
            show_default=False,
        ),
    ] = None,
    token: Token = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the findings as a JSON array.")
    ] = False,
) -> None:
    """Check a deployment, and print how to fix each problem.

    Without options, checks the settings of this environment: model, memory, bucket, queue. Writes
    small files to the bucket and deletes them. Exit code 1 if a check is red.
    """
    if stack and api:
        raise BadOptions("Use --stack or --api, not both.")
    import httpx2

    from handler.doctor.report import print_table, to_json

    with httpx2.Client(timeout=_TIMEOUT_S) as http:
        findings = list(_examine(http, stack, api, tuple(origin or ()), region, token))
    if as_json:
        typer.echo(to_json(findings))
    else:
        print_table(findings, Console())
    if any(each.level == "red" for each in findings):
        raise typer.Exit(1)


def _examine(
    http: httpx2.Client,
    stack: str | None,
    api: str | None,
    origins: tuple[str, ...],
    region: str | None,
    token: str | None,
) -> Iterator[Finding]:
    if api:
        from handler.doctor.api import ApiExamination

        return ApiExamination(api, http, origins=origins, token=token).findings()
    settings = read_settings()
    if stack:
        from handler.doctor.aws import AWS
        from handler.doctor.stack import examine_stack

        where = region or settings.region
        return examine_stack(stack, AWS(where), http, region=where, token=token)
    from handler.doctor.local import examine_environment

    return examine_environment(settings, http)
