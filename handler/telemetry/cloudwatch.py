"""Telemetry as CloudWatch takes it from a log: metrics in the embedded metric format."""

from __future__ import annotations

from collections.abc import Mapping

from aws_lambda_powertools import Metrics
from aws_lambda_powertools.metrics import MetricUnit


class EMFTelemetry:
    """Adds to `metrics`, which its owner writes out after each invocation."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics

    def request(self, method: str, route: str, status: int, seconds: float) -> None:
        """Add one HTTP request; CloudWatch charges per name, so routes stay in the log."""
        self._add("RequestTime", MetricUnit.Milliseconds, seconds * 1000)
        self._add("ServerErrors", MetricUnit.Count, status >= 500)
        self._add("ClientErrors", MetricUnit.Count, 400 <= status < 500)

    def detection(self, milliseconds: Mapping[str, float], instances: int) -> None:
        """Add one detection, stage by stage."""
        for stage, took in milliseconds.items():
            self._add(f"{stage.capitalize()}Time", MetricUnit.Milliseconds, took)
        self._add("Instances", MetricUnit.Count, instances)

    def failure(self, cause: str) -> None:
        """Add one detection that failed; its cause is in the log."""
        self._add("FailedDetections", MetricUnit.Count, 1)

    def _add(self, name: str, unit: MetricUnit, value: float) -> None:
        self._metrics.add_metric(name=name, unit=unit, value=float(value))
