"""The bucket's notifications: inbox/ must send events, and results/ must not."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from handler.bucket.keys import INBOX, LATEST, RESULTS
from handler.doctor.findings import CannotTell, Trouble

_KINDS = {
    "QueueConfigurations": "QueueArn",
    "LambdaFunctionConfigurations": "LambdaFunctionArn",
    "TopicConfigurations": "TopicArn",
}
_CURE = f"Give the notification the prefix filter {INBOX}."


@dataclass(frozen=True, slots=True)
class Notification:
    """One rule of the bucket: events of objects created under `prefix` go to `target`."""

    target: str
    prefix: str

    def covers(self, prefix: str) -> bool:
        """Whether an object under `prefix` can be one of its own."""
        return prefix.startswith(self.prefix) or self.prefix.startswith(prefix)


def tells_of_anything(configuration: Mapping[str, Any]) -> bool:
    """Whether there is any rule."""
    return "EventBridgeConfiguration" in configuration or any(_read(configuration))


def check_events(configuration: Mapping[str, Any]) -> str:
    """Look for loops first: they cost money until somebody stops them."""
    rules = list(_read(configuration))
    for rule in rules:
        for ours in (RESULTS, LATEST):
            if rule.covers(ours):
                under = f"under {rule.prefix!r}" if rule.prefix else "anywhere"
                raise Trouble(
                    f"A loop: events of objects created {under} go to {rule.target}, and {ours} "
                    "is among them; every mask would start another detection.",
                    _CURE,
                )
    told = [rule for rule in rules if INBOX.startswith(rule.prefix)]
    if told:
        return f"Events of objects created under {INBOX} go to {told[0].target}; no others do."
    if "EventBridgeConfiguration" in configuration:
        raise CannotTell("The bucket's events go to EventBridge; its rules are not looked at.")
    raise Trouble(f"Objects created under {INBOX} send no event: they are never detected.", _CURE)


def _read(configuration: Mapping[str, Any]) -> Iterator[Notification]:
    for kind, arn in _KINDS.items():
        for each in configuration.get(kind, ()):
            if any(event.startswith("s3:ObjectCreated") for event in each["Events"]):
                yield Notification(each[arn].rpartition(":")[2], _prefix(each))


def _prefix(configuration: Mapping[str, Any]) -> str:
    rules = configuration.get("Filter", {}).get("Key", {}).get("FilterRules", ())
    found = (rule["Value"] for rule in rules if rule["Name"].lower() == "prefix")
    return str(next(found, ""))
