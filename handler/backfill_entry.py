"""AWS Lambda as a Distributed Map calls it: a batch of objects, and in the end their report.

{"Items": [{"Key": "album/cat.jpg"}, …]}           detect in these
{"report": {"run": "…", "prefix": "album/"}}       sum up what the batches answered
"""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from handler.jobs.backfill import Backfill
from handler.jobs.backfill_report import write_report
from handler.telemetry.cloudwatch import EMFTelemetry
from handler.telemetry.powertools import logger, metrics, traced
from handler.wiring import build_services

_services = build_services(telemetry=EMFTelemetry(metrics))
_backfill = Backfill(_services.stored, _services.bucket)


@logger.inject_lambda_context
@traced(_services.settings.tracing)
@metrics.log_metrics(capture_cold_start_metric=True)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Answer one step of the state machine."""
    if "report" in event:
        report = write_report(_services.bucket, **event["report"], settle=_backfill.settle)
        return report.model_dump()
    return _backfill.detect(item["Key"] for item in event["Items"]).model_dump()
