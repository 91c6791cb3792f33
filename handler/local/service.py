"""The whole service on one machine: the embedded stack, a worker, the API and the site.

    http://localhost:8080 --> site, API --> bucket, queue --> worker

API and worker share one process and one model.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Thread
from time import sleep
from typing import Any
from urllib.parse import urlsplit

from handler.detection.admission import Gate
from handler.detection.model_loader import native_stderr_closed
from handler.errors import MaskdropError
from handler.jobs.queue import SQSJobQueue
from handler.jobs.worker import Worker
from handler.local.bundled import SITE
from handler.local.site import make_site
from handler.local.stack import BUCKET, LocalStack, local_stack
from handler.local.worker import LocalContext
from handler.settings import Settings
from handler.telemetry.prometheus import PrometheusTelemetry
from handler.web.app import create_app
from handler.web.asgi import ASGIApp
from handler.web.hardening import KnownHosts
from handler.web.problems import problem_response
from handler.web.routes.health import metrics_router
from handler.web.server import make_server
from handler.wiring import Services, build_services

# What a browser of this machine calls it; a page of another name must not reach it.
_NAMES = ("localhost", "127.0.0.1", "[::1]")

# Told of each part when it is up: what it is, and where or how it is.
Say = Callable[[str, str], None]


class PortUnavailable(MaskdropError):
    """The port that was asked for is in use, or reserved."""


@dataclass(frozen=True, slots=True)
class LocalService:
    """A running service."""

    url: str
    stack: LocalStack

    @property
    def environment(self) -> dict[str, str]:
        """What AWS's tools and Maskdrop's own need to use bucket and queue."""
        s3, queue = self.stack.s3, self.stack.queue
        return {
            "AWS_ACCESS_KEY_ID": s3.access_key_id,
            "AWS_SECRET_ACCESS_KEY": s3.secret_access_key,
            "AWS_ENDPOINT_URL_S3": s3.endpoint_url,
            "MASKDROP_BUCKET": BUCKET,
            "MASKDROP_S3_ENDPOINT": s3.endpoint_url,
            "MASKDROP_QUEUE_URL": queue.url,
            "MASKDROP_SQS_ENDPOINT": queue.client.meta.endpoint_url,
        }


@contextmanager
def local_service(folder: Path, *, port: int, say: Say) -> Iterator[LocalService]:
    """Run everything over `folder` for as long as the context lasts.

    `port`: of API and site; 0 is any free one. Raises PortUnavailable, LocalS3Failed, and a
    ModelError when the model does not load.
    """
    with ExitStack() as parts:
        listener = parts.enter_context(_listen(port))
        port = listener.getsockname()[1]
        url = f"http://localhost:{port}"
        settings = Settings()
        origins = (url, f"http://127.0.0.1:{port}", *_other_origins(settings))
        stack = parts.enter_context(
            local_stack(folder, origins=origins, say=lambda words: say("Bucket", words))
        )
        say("Bucket", f"{stack.s3.endpoint_url}/{BUCKET}, kept in {folder}/s3")
        say("Queue", stack.queue.url)
        telemetry = PrometheusTelemetry()
        services = _services(settings, stack, telemetry, origins)
        with native_stderr_closed():
            model = services.detector.model
        say("Model", f"{model.name} {model.version}, its golden image detected right")
        waiting = parts.enter_context(stack.working(_function(services)))
        say("Worker", f"waits for files in inbox/ and jobs; {waiting} were there")
        app = create_app(services)
        app.include_router(metrics_router(telemetry.exposition, services.settings.metrics_token))
        app.add_middleware(KnownHosts, hosts=_NAMES, respond=problem_response)
        say("API", f"{url}/docs")
        if SITE.is_dir():
            limits = services.settings.image_limits
            app.mount("/", make_site(SITE, limits=limits, bucket_url=stack.s3.endpoint_url))
            say("Site", url)
        parts.enter_context(_serving(app, services.gate, listener))
        yield LocalService(url, stack)


def _other_origins(settings: Settings) -> tuple[str, ...]:
    """Pages beside the site's own that may use API and bucket: those that the settings name.

    Label Studio's page draws a task's photograph on a canvas, for which its link needs CORS.
    """
    if not settings.labelstudio_url:
        return settings.cors_origins
    parts = urlsplit(settings.labelstudio_url)
    return (*settings.cors_origins, f"{parts.scheme}://{parts.netloc}")


def _services(
    settings: Settings,
    stack: LocalStack,
    telemetry: PrometheusTelemetry,
    origins: tuple[str, ...],
) -> Services:
    """What the environment says, on the embedded bucket and queue."""
    settings = settings.model_copy(update={"bucket": None, "queue_url": None})
    return replace(
        build_services(
            # Who reaches loopback is the owner, whose inbox it is.
            settings.model_copy(update={"cors_origins": origins, "open_inbox": True}),
            telemetry,
        ),
        store=stack.store,
        queue=SQSJobQueue(stack.queue.url, stack.queue.client),
        checks=(stack.s3.check_ready,),
    )


def _function(services: Services) -> Callable[[dict[str, Any], LocalContext], dict[str, Any]]:
    """The batch function as AWS Lambda would call it."""
    worker = Worker(
        services.stored, BUCKET, services.settings.detection_seconds, queue=services.queue
    )

    def function(event: dict[str, Any], context: LocalContext) -> dict[str, Any]:
        return worker.handle(event, lambda: context.get_remaining_time_in_millis() / 1000)

    return function


def _listen(port: int) -> socket.socket:
    try:
        return socket.create_server(("127.0.0.1", port))
    except OSError as error:
        raise PortUnavailable(
            f"Port {port} cannot be used: {(error.strerror or str(error)).lower()}. "
            "Choose another with --port, or --port 0 for any free one."
        ) from None


@contextmanager
def _serving(app: ASGIApp, gate: Gate, listener: socket.socket) -> Iterator[None]:
    """Answer HTTP on a thread of its own; ends after the requests at hand."""
    server = make_server(app, gate)
    thread = Thread(target=server.run, args=([listener],), name="http", daemon=True)
    thread.start()
    while not server.started and thread.is_alive():
        sleep(0.01)
    try:
        yield
    finally:
        server.should_exit = True
        thread.join()
