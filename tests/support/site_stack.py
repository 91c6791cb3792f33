"""The whole product on loopback for a browser: site and API on two origins, bucket, queue, worker.

The bucket checks signatures and CORS as S3 does; the site's origin is none of the API's.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import uvicorn
from service import make_services

from handler.jobs.queue import SQSJobQueue
from handler.jobs.worker import Worker
from handler.local.stack import LocalStack, local_stack
from handler.local.worker import LocalContext
from handler.web.app import create_app
from handler.wiring import Services

SITE = Path(__file__).parents[2] / "site"


@dataclass(frozen=True, slots=True)
class SiteStack:
    """Where the browser goes, and what lies behind."""

    url: str
    api_url: str
    stack: LocalStack
    services: Services


class _SiteHandler(SimpleHTTPRequestHandler):
    """The site's files, with the config.json of a deployment."""

    config: dict[str, Any]

    def do_GET(self) -> None:
        if self.path != "/config.json":
            super().do_GET()
            return
        body = json.dumps(self.config).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: Any) -> None:
        """Say nothing: pytest's output is for tests."""


@contextmanager
def site_stack(folder: Path, **settings: Any) -> Iterator[SiteStack]:
    """Run all of it; `settings` are the service's, as the environment would give them."""
    with ExitStack() as parts:
        config = json.loads((SITE / "config.json").read_text())
        handler = type("Handler", (_SiteHandler,), {"config": config})
        url = parts.enter_context(_site(handler))
        stack = parts.enter_context(local_stack(folder, origins=[url], visibility_timeout=2))
        services = make_services(
            {"cors_origins": (url,), **settings},
            store=stack.store,
            queue=SQSJobQueue(stack.queue.url, stack.queue.client),
        )
        config["api"] = parts.enter_context(serving(services))
        worker = Worker(services.stored, stack.store.bucket)
        parts.enter_context(stack.working(partial(_work, worker)))
        yield SiteStack(url, config["api"], stack, services)


@contextmanager
def _site(handler: type[SimpleHTTPRequestHandler]) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(handler, directory=SITE))
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://localhost:{server.server_port}"
    server.shutdown()
    server.server_close()


@contextmanager
def serving(services: Services) -> Iterator[str]:
    """Answer HTTP; yields the API's URL."""
    config = uvicorn.Config(create_app(services), port=0, log_level="warning")
    server = uvicorn.Server(config)
    thread = Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        thread.join(0.02)
    port = server.servers[0].sockets[0].getsockname()[1]
    yield f"http://127.0.0.1:{port}/"
    server.should_exit = True
    thread.join()


def _work(worker: Worker, event: dict[str, Any], context: LocalContext) -> dict[str, Any]:
    return worker.handle(event, lambda: context.get_remaining_time_in_millis() / 1000)
