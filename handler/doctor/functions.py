"""A Lambda function's configuration, and the queue in front of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from handler.doctor.findings import CannotTell, Trouble
from handler.doctor.machine import check_threads, vcpus_of

# Lambda may be throttled and try again; AWS advises six times the function's timeout.
TIMEOUTS = 6


def check_active(function: Mapping[str, Any]) -> str:
    """Whether it can be called at all."""
    state, why = function.get("State", "Active"), function.get("StateReason", "no reason given")
    if state != "Active":
        raise Trouble(f"{function['FunctionName']} is {state}: {why}.", "Deploy it anew.")
    return f"{function['FunctionName']}, {function['MemorySize']} MB, {function['Timeout']} s."


def check_function_threads(function: Mapping[str, Any]) -> str:
    """Hold MASKDROP_THREADS against the processors that come with its memory."""
    threads = variables(function).get("MASKDROP_THREADS")
    return check_threads(int(threads) if threads else None, vcpus_of(function["MemorySize"]))


def check_snapstart(function: Mapping[str, Any], wanted: bool = True) -> str:
    """Whether its published version starts from a snapshot, where the stack wants that."""
    snap = function.get("SnapStart", {})
    if not wanted:
        return "Off, as the stack's parameter says: every cold start loads the model."
    if snap.get("ApplyOn") != "PublishedVersions":
        raise Trouble(
            "SnapStart is off: every cold start loads the model anew.",
            "Set SnapStart's ApplyOn to PublishedVersions and publish a version.",
        )
    if function["Version"] == "$LATEST":
        raise Trouble(
            "SnapStart is on, but $LATEST is called, which has no snapshot.",
            "Call a published version, by an alias.",
        )
    if snap.get("OptimizationStatus") != "On":
        raise CannotTell(f"Version {function['Version']} has no snapshot yet; ask again later.")
    return f"Version {function['Version']} starts from its snapshot."


def check_visibility(queue: Mapping[str, str], function: Mapping[str, Any]) -> str:
    """Whether a message stays hidden for as long as it may be worked on."""
    visible, timeout = int(queue["VisibilityTimeout"]), int(function["Timeout"])
    if visible < TIMEOUTS * timeout:
        raise Trouble(
            f"Messages show again after {visible} s; the function may take {timeout} s, "
            f"and {TIMEOUTS} times that is advised: photographs would be detected twice.",
            f"Set the queue's VisibilityTimeout to {TIMEOUTS * timeout}.",
        )
    return f"Hidden for {visible} s; the function may take {timeout} s."


def check_redrive(queue: Mapping[str, str]) -> str:
    """Whether what fails again and again ends somewhere."""
    if "RedrivePolicy" not in queue:
        raise Trouble(
            "The queue has no dead-letter queue: what fails is tried until it expires.",
            "Give it a RedrivePolicy with maxReceiveCount 3.",
        )
    return "What fails goes to a dead-letter queue."


def check_dead_letters(queue: Mapping[str, str]) -> str:
    """Whether anything has failed for good."""
    count = int(queue["ApproximateNumberOfMessages"])
    if count:
        raise Trouble(
            f"{count} messages failed for good.",
            "Their manifests under latest/ and results/ say why; move them back when that is cured "
            "(aws sqs start-message-move-task), or purge them.",
        )
    return "None."


def variables(function: Mapping[str, Any]) -> Mapping[str, str]:
    """Its environment."""
    found: Mapping[str, str] = function.get("Environment", {}).get("Variables", {})
    return found
