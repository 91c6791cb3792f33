"""The same application as a server that lives long: Cloud Run, or any container.

uvicorn handler.server_entry:app --host 0.0.0.0 --port 8080 --no-access-log

Behind a proxy that puts a path before ours, `--root-path` names it.
"""

from __future__ import annotations

import logging

from handler.telemetry.log_lines import line_handler
from handler.telemetry.prometheus import PrometheusTelemetry
from handler.web.app import create_app
from handler.web.routes.health import metrics_router
from handler.wiring import build_services

logging.basicConfig(level=logging.INFO, handlers=[line_handler(logging.StreamHandler())])

_telemetry = PrometheusTelemetry()
app = create_app(build_services(telemetry=_telemetry))
app.include_router(metrics_router(_telemetry.exposition))
