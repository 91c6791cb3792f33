"""A stack that template.yaml made: what AWS says of its parts, and then its API from outside."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from functools import cache, partial
from typing import Any

import httpx2

from handler.doctor.api import ApiExamination
from handler.doctor.aws import AWS, Stack
from handler.doctor.events import check_events
from handler.doctor.findings import CannotTell, Finding, Trouble, examine
from handler.doctor.functions import (
    check_active,
    check_dead_letters,
    check_function_threads,
    check_redrive,
    check_snapstart,
    check_visibility,
    variables,
)
from handler.doctor.machine import check_memory
from handler.doctor.model import check_model
from handler.errors import MaskdropError
from handler.settings import Settings
from model.runtime.errors import ModelError

OUTPUTS = ("ApiUrl", "Bucket", "QueueUrl", "DeadLetterQueueUrl", "ApiFunction", "BatchFunction")
# What decides how much memory a function's model takes, and where it is.
_MODEL_SETTINGS = (
    "model", "backend", "tfserving_url", "region", "s3_endpoint", "store", "max_image_pixels"
)  # fmt: skip
_DEPLOY = "Deploy the stack anew with template.yaml."

Function = Mapping[str, Any]


def examine_stack(
    name: str, aws: AWS, http: httpx2.Client, *, region: str, token: str | None = None
) -> Iterator[Finding]:
    """Check every part of stack `name`."""
    stack = cache(lambda: aws.stack(name))
    first = examine("Stack", lambda: _check_outputs(name, stack()), _DEPLOY)
    yield first
    if first.level != "green":
        return
    outputs = stack().outputs
    snapstart = stack().parameters.get("SnapStart") != "None"
    # Asked for once, though several checks look at it.
    function: Callable[[str], Function] = cache(lambda output: aws.function(outputs[output]))
    queue = cache(aws.queue)
    for output in ("ApiFunction", "BatchFunction"):
        yield from _examine_function(output, function, snapstart)
    yield examine("Events", lambda: check_events(aws.notifications(outputs["Bucket"])), "")
    url = outputs["QueueUrl"]
    yield examine("Queue", lambda: check_visibility(queue(url), function("BatchFunction")), "")
    yield examine("Redrive", lambda: check_redrive(queue(url)), "")
    yield examine(
        "Dead letters", lambda: check_dead_letters(queue(outputs["DeadLetterQueueUrl"])), ""
    )
    yield Finding(
        "Permissions", "yellow", "Roles are tried by the API's checks below, and by no others."
    )
    examination = ApiExamination(
        outputs["ApiUrl"], http, origins=_origins(function), region=region, token=token
    )
    yield from examination.findings()


def _check_outputs(name: str, stack: Stack) -> str:
    if missing := set(OUTPUTS) - set(stack.outputs):
        raise Trouble(f"Stack {name} has no output {', '.join(sorted(missing))}.")
    return f"{name}, {stack.outputs['ApiUrl']}"


def _examine_function(
    output: str, function: Callable[[str], Function], snapstart: bool
) -> Iterator[Finding]:
    yield examine(output, lambda: check_active(function(output)), _DEPLOY)
    yield examine("  memory", partial(_check_memory, output, function), "")
    yield examine("  threads", lambda: check_function_threads(function(output)), "")
    yield examine("  SnapStart", lambda: check_snapstart(function(output), snapstart), "")


def _check_memory(output: str, function: Callable[[str], Function]) -> str:
    """Load the function's model here, to see what it takes."""
    configuration = function(output)
    wanted = {
        name: value
        for name in _MODEL_SETTINGS
        if (value := variables(configuration).get(f"MASKDROP_{name.upper()}"))
    }
    settings = Settings(**wanted)  # type: ignore[arg-type]  # pydantic reads the numbers
    try:
        check_model(settings)
    except (ModelError, MaskdropError) as error:
        raise CannotTell(f"Its model cannot be loaded here: {error}") from None
    return check_memory(settings, configuration["MemorySize"])


def _origins(function: Callable[[str], Function]) -> tuple[str, ...]:
    try:
        return tuple(json.loads(variables(function("ApiFunction"))["MASKDROP_CORS_ORIGINS"]))
    except (CannotTell, Trouble, KeyError, ValueError):
        return ()
