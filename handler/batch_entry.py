"""AWS Lambda behind the queue, or called with S3's events directly."""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from handler.jobs.worker import Worker
from handler.telemetry.cloudwatch import EMFTelemetry
from handler.telemetry.powertools import logger, metrics, traced
from handler.wiring import build_services

_services = build_services(telemetry=EMFTelemetry(metrics))
_worker = Worker(
    _services.stored,
    _services.bucket.bucket,
    seconds_needed=_services.settings.detection_seconds,
    queue=_services.queue,
)


@logger.inject_lambda_context
@traced(_services.settings.tracing)
@metrics.log_metrics(capture_cold_start_metric=True)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Work off one event; answers the ids of the messages to deliver again."""
    metrics.add_metric(name="Records", unit="Count", value=len(event.get("Records", ())))
    return _worker.handle(event, lambda: context.get_remaining_time_in_millis() / 1000)
