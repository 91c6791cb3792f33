"""Is the service alive, is it ready, and what has it counted."""

from __future__ import annotations

from collections.abc import Callable

from fastapi import APIRouter, Response
from fastapi.responses import PlainTextResponse

from handler.errors import NotReady
from handler.web.messages import Health
from handler.web.problems import problem_responses
from handler.web.routes.dependencies import ServicesOf

router = APIRouter(tags=["health"])


@router.get("/healthz", summary="Alive")
def alive() -> Health:
    """Answer as soon as the process can."""
    return Health()


@router.get("/readyz", summary="Ready", responses=problem_responses(NotReady))
def ready(services: ServicesOf) -> Health:
    """Answer once the model is loaded and has detected its golden image right."""
    services.check_ready()
    return Health()


def metrics_router(exposition: Callable[[], bytes]) -> APIRouter:
    """Route `/metrics`, for servers that live long enough to be scraped."""
    metrics = APIRouter(tags=["health"])

    @metrics.get("/metrics", summary="Metrics", response_class=PlainTextResponse)
    def read_metrics() -> Response:
        """Answer what was counted, in Prometheus's text format."""
        return PlainTextResponse(exposition(), media_type="text/plain; version=0.0.4")

    return metrics
