"""AWS Lambda behind API Gateway or a function URL: one HTTP request per invocation.

The model is loaded while Lambda initialises the process, and has to detect its golden
image right: a process with a wrong model never serves.
"""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext
from mangum import Mangum

from handler.telemetry.cloudwatch import EMFTelemetry
from handler.telemetry.powertools import logger, metrics, traced
from handler.web.app import create_app
from handler.web.stage_path import StagePath
from handler.wiring import build_services

# Lambda's limit on an answer is 6 MiB; some of it goes around the body.
MAX_ANSWER_BYTES = 6 * 2**20 - 2**16

_services = build_services(telemetry=EMFTelemetry(metrics), max_answer_bytes=MAX_ANSWER_BYTES)
_services.model.detector()
_adapter = Mangum(
    StagePath(create_app(_services)),
    lifespan="off",
    text_mime_types=["text/", "application/json", "application/problem+json"],
)


@logger.inject_lambda_context
@traced(_services.settings.tracing)
@metrics.log_metrics(capture_cold_start_metric=True)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Answer one request."""
    return _adapter(event, context)  # type: ignore[arg-type]  # they differ in settable attributes
