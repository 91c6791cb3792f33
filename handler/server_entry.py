"""The same application as a server that lives long: Cloud Run, or any container.

python -m handler.server_entry --host 0.0.0.0 --port 8080

Behind a proxy that puts a path before ours, `--root-path` names it. Any ASGI server takes
`handler.server_entry:app`; what this one adds is in `handler/web/server.py`.
"""

from __future__ import annotations

import argparse
import logging
import os

from handler.telemetry.log_lines import line_handler
from handler.telemetry.prometheus import PrometheusTelemetry
from handler.web.app import create_app
from handler.web.routes.health import metrics_router
from handler.web.server import make_server
from handler.wiring import build_services

logging.basicConfig(level=logging.INFO, handlers=[line_handler(logging.StreamHandler())])

_telemetry = PrometheusTelemetry()
_services = build_services(telemetry=_telemetry)
app = create_app(_services)
app.include_router(metrics_router(_telemetry.exposition, _services.settings.metrics_token))


def main() -> None:
    """Serve until SIGTERM, then end within the 10 s that platforms give."""
    parser = argparse.ArgumentParser(prog="python -m handler.server_entry")
    parser.add_argument("--host", default="127.0.0.1")
    # Cloud Run says the port.
    parser.add_argument("--port", type=int, default=int(os.environ.get("PORT", "8080")))
    parser.add_argument("--root-path", default="", help="The path that a proxy puts before ours.")
    asked = parser.parse_args()
    make_server(
        app, _services.gate, host=asked.host, port=asked.port, root_path=asked.root_path
    ).run()


if __name__ == "__main__":
    main()
