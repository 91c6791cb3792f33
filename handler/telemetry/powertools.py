"""Structured logs, metrics and traces of a Lambda function, by AWS Lambda Powertools."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.logging.utils import copy_config_to_registered_loggers

SERVICE = "maskdrop"

logger = Logger(service=SERVICE)
metrics = Metrics(namespace="Maskdrop", service=SERVICE)
# The package's own loggers are below this one.
logging.getLogger("handler")
copy_config_to_registered_loggers(logger, include={"handler"})

Handler = Callable[..., Any]


def traced(wanted: bool) -> Callable[[Handler], Handler]:
    """Decorate a function's handler with X-Ray's SDK where that is `wanted`.

    Importing the SDK takes a fifth of a second of every cold start. Without it Lambda's own
    tracing still shows each invocation, and how long it took to start.
    """
    if not wanted:
        return lambda handler: handler
    from aws_lambda_powertools import Tracer

    # Answers hold presigned links and stay out of traces.
    return Tracer(service=SERVICE).capture_lambda_handler(capture_response=False)
