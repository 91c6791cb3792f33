"""Structured logs, metrics and traces of a Lambda function, by AWS Lambda Powertools."""

from __future__ import annotations

import logging

from aws_lambda_powertools import Logger, Metrics, Tracer
from aws_lambda_powertools.logging.utils import copy_config_to_registered_loggers

SERVICE = "maskdrop"

logger = Logger(service=SERVICE)
metrics = Metrics(namespace="Maskdrop", service=SERVICE)
# It names what it watches; answers hold presigned links and stay out of traces.
tracer = Tracer(service=SERVICE)

# The package's own loggers are below this one.
logging.getLogger("handler")
copy_config_to_registered_loggers(logger, include={"handler"})
