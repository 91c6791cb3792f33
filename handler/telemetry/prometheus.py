"""Telemetry as Prometheus scrapes it, for servers that live long."""

from __future__ import annotations

from collections.abc import Mapping

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest

# From an edge model on a fast processor to a large photograph on a slow one, seconds.
_BUCKETS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)


class PrometheusTelemetry:
    """Counters and histograms in a registry of their own."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._requests = Histogram(
            "maskdrop_request_seconds",
            "HTTP requests.",
            ("method", "route", "status"),
            buckets=_BUCKETS,
            registry=self._registry,
        )
        self._stages = Histogram(
            "maskdrop_detection_stage_seconds",
            "Stages of detections.",
            ("stage",),
            buckets=_BUCKETS,
            registry=self._registry,
        )
        self._instances = Counter("maskdrop_instances", "Instances found.", registry=self._registry)
        self._failures = Counter(
            "maskdrop_detection_failures",
            "Detections that failed.",
            ("cause",),
            registry=self._registry,
        )

    def request(self, method: str, route: str, status: int, seconds: float) -> None:
        """Observe one HTTP request."""
        self._requests.labels(method, route, status).observe(seconds)

    def detection(self, milliseconds: Mapping[str, float], instances: int) -> None:
        """Observe each stage of one detection."""
        for stage, took in milliseconds.items():
            self._stages.labels(stage).observe(took / 1000)
        self._instances.inc(instances)

    def failure(self, cause: str) -> None:
        """Count one detection that failed."""
        self._failures.labels(cause).inc()

    def exposition(self) -> bytes:
        """Everything counted, in Prometheus's text format."""
        return generate_latest(self._registry)
