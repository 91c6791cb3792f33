"""Step Functions, as far as a backfill needs it: start the state machine, ask how far it is."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from handler.errors import MaskdropError

if TYPE_CHECKING:
    from types_boto3_stepfunctions import SFNClient

# The output of infra/backfill.yaml that names the state machine.
STACK_OUTPUT = "BackfillStateMachineArn"


class BackfillUnavailable(MaskdropError):
    """Step Functions or CloudFormation did not do what was asked."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run is, in objects; `failed` are those of batches that the platform failed.

    state: RUNNING, SUCCEEDED, FAILED, TIMED_OUT or ABORTED; cause: why it failed.
    """

    state: str
    done: int = 0
    failed: int = 0
    total: int = 0
    cause: str = ""

    @property
    def is_over(self) -> bool:
        """Whether nothing more will happen."""
        return self.state not in ("RUNNING", "PENDING_REDRIVE")


class StateMachine:
    """The state machine of infra/backfill.yaml; every method raises BackfillUnavailable."""

    def __init__(self, arn: str, client: SFNClient) -> None:
        self.arn = arn
        self._client = client

    def start(self, run: str, work: Mapping[str, Any]) -> str:
        """Start the run of that name; answers its ARN."""
        with _errors(f"start {self.arn}"):
            answer = self._client.start_execution(
                stateMachineArn=self.arn, name=run, input=json.dumps(work)
            )
        return answer["executionArn"]

    def progress(self, execution: str) -> Progress:
        """How far a run is."""
        with _errors(f"ask for {execution}"):
            answer = self._client.describe_execution(executionArn=execution)
            runs = self._client.list_map_runs(executionArn=execution)["mapRuns"]
            if not runs:
                return Progress(answer["status"], cause=answer.get("cause", ""))
            counts = self._client.describe_map_run(mapRunArn=runs[0]["mapRunArn"])["itemCounts"]
        return Progress(
            answer["status"],
            done=counts["succeeded"],
            failed=counts["failed"] + counts["timedOut"] + counts["aborted"],
            total=counts["total"],
            cause=answer.get("cause", ""),
        )


def open_state_machine(arn: str | None, stack: str | None, region: str) -> StateMachine:
    """The state machine of that ARN, or the one that a stack names in its outputs."""
    found = arn or _of_stack(stack or "", region)
    with _errors("reach Step Functions"):
        return StateMachine(found, boto3.client("stepfunctions", region_name=region))


def _of_stack(stack: str, region: str) -> str:
    with _errors(f"ask for stack {stack!r}"):
        client = boto3.client("cloudformation", region_name=region)
        outputs = client.describe_stacks(StackName=stack)["Stacks"][0].get("Outputs", [])
    for each in outputs:
        if each.get("OutputKey") == STACK_OUTPUT:
            return each.get("OutputValue", "")
    raise BackfillUnavailable(f"Stack {stack!r} has no output {STACK_OUTPUT}.")


@contextmanager
def _errors(action: str) -> Iterator[None]:
    try:
        yield
    except (BotoCoreError, ClientError) as error:
        raise BackfillUnavailable(f"Cannot {action}: {error}") from error
