"""Is the service alive, is it ready, and what has it counted."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from hmac import compare_digest

from fastapi import APIRouter, Request, Response
from fastapi.responses import PlainTextResponse

from handler.errors import NotForYou, NotReady
from handler.web.messages import Health
from handler.web.problems import problem_responses
from handler.web.routes.dependencies import ServicesOf

router = APIRouter(tags=["health"])


@router.get("/healthz", summary="Alive")
async def alive() -> Health:
    """Answer as soon as the process can."""
    return Health()


@router.get("/readyz", summary="Ready", responses=problem_responses(NotReady))
async def ready(services: ServicesOf) -> Health:
    """Answer once the model is loaded and has detected its golden image right.

    Like `/healthz` it waits for nothing: neither for a thread nor for other work.
    """
    if services.gate.is_closed:
        raise NotReady("This instance is shutting down.")
    services.check_ready()
    return Health()


def metrics_router(exposition: Callable[[], bytes], token: str | None = None) -> APIRouter:
    """Route `/metrics`, for servers that live long enough to be scraped.

    Who asks has to send `token`; where there is none, to ask from this machine.
    """
    metrics = APIRouter(tags=["health"])

    @metrics.get(
        "/metrics",
        summary="Metrics",
        response_class=PlainTextResponse,
        responses=problem_responses(NotForYou),
    )
    async def read_metrics(request: Request) -> Response:
        """Answer what was counted, in Prometheus's text format."""
        if not _may_read_metrics(request, token):
            raise NotForYou("Metrics are for this machine, or for who has MASKDROP_METRICS_TOKEN.")
        return PlainTextResponse(exposition(), media_type="text/plain; version=0.0.4")

    return metrics


def _may_read_metrics(request: Request, token: str | None) -> bool:
    if token is not None:
        sent = request.headers.get("authorization", "")
        return compare_digest(sent.encode(), f"Bearer {token}".encode())
    # A proxy on this machine would make the world look like it.
    if {"forwarded", "x-forwarded-for", "x-forwarded-host", "via"} & set(request.headers):
        return False
    try:
        return request.client is not None and ipaddress.ip_address(request.client.host).is_loopback
    except ValueError:
        return False
