"""What the service counts, wherever the numbers go: CloudWatch or Prometheus."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol


class Telemetry(Protocol):
    """Takes note of requests and detections; called from several threads."""

    def request(self, method: str, route: str, status: int, seconds: float) -> None:
        """One HTTP request; `route` is its template, as in `/v1/detections/{id}`."""

    def detection(self, milliseconds: Mapping[str, float], instances: int) -> None:
        """One detection that succeeded: what each stage took."""

    def failure(self, cause: str) -> None:
        """One detection that failed; `cause` is the error's class."""


class NoTelemetry:
    """Counts nothing."""

    def request(self, method: str, route: str, status: int, seconds: float) -> None:
        """Do nothing."""

    def detection(self, milliseconds: Mapping[str, float], instances: int) -> None:
        """Do nothing."""

    def failure(self, cause: str) -> None:
        """Do nothing."""
