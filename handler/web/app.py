"""The HTTP application: routes, errors, limits, log, documentation."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from importlib.metadata import version
from typing import Any

from fastapi import FastAPI
from fastapi.middleware.cors import CORSMiddleware
from fastapi_offline import FastAPIOffline

from handler import wiring
from handler.web.bodies import Bodies
from handler.web.hardening import AnswerHeaders
from handler.web.messages import Problem
from handler.web.problems import add_error_responses, problem_response
from handler.web.request_log import RequestLog, UnexpectedErrors
from handler.web.routes import (
    detect,
    detections,
    events,
    health,
    manifest_schema,
    models,
    uploads,
)
from handler.wiring import Services

_DESCRIPTION = """\
Drop a photograph; its masks come back.

* One call: `POST /api/detect` with the form field `image`.
* Through the bucket: `POST /v1/uploads`, send the file to the link, `POST /v1/detections`.
* TensorFlow Serving's REST API: `/v1/models/…`.

Errors are `application/problem+json` (RFC 9457); their `type` is stable.
"""


def create_app(services: Services | None = None) -> FastAPI:
    """Build the application around `services`; without any, around the process's own."""
    services = services or wiring.build_services()
    settings = services.settings
    # FastAPI's own page takes its scripts from a third party's servers.
    app = FastAPIOffline(
        title="Maskdrop",
        version=version("maskdrop"),
        description=_DESCRIPTION,
        license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
        lifespan=_lifespan,
        redoc_url=None,
    )
    app.state.services = services
    for each in (uploads, detections, detect, models, health, manifest_schema):
        app.include_router(each.router)
    if settings.events:
        app.include_router(events.router)
    if settings.labelstudio:
        # Here, as its models take a fortieth of a cold start, and it is off by default.
        from handler.web.routes import labelstudio

        app.include_router(labelstudio.router)
    add_error_responses(app)
    # The last one added is the outermost.
    app.add_middleware(UnexpectedErrors, respond=problem_response)
    app.add_middleware(
        Bodies,
        gate=services.gate,
        max_photo_bytes=settings.max_request_bytes,
        max_requests=settings.max_requests,
        seconds=settings.body_seconds,
        respond=problem_response,
    )
    app.add_middleware(
        CORSMiddleware,
        allow_origins=settings.cors_origins,
        allow_methods=["GET", "POST", "DELETE"],
        allow_headers=[
            "Authorization",
            "Content-Type",
            "Prefer",
            "X-Deletion-Secret",
            "X-Request-Id",
        ],
        expose_headers=["Location", "Retry-After", "X-Request-Id"],
    )
    app.add_middleware(AnswerHeaders)
    app.add_middleware(RequestLog, telemetry=services.telemetry)
    _document_problems(app)
    return app


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Load the model while the server already answers `/healthz`; tell of results meanwhile."""
    services: Services = app.state.services
    services.model.start()
    services.courier.start()
    yield
    services.courier.stop()


def _document_problems(app: FastAPI) -> None:
    """Give the OpenAPI document the shape of our problems for the framework's own errors."""
    generate = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            document = generate()
            shape = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
            schemas = document["components"]["schemas"]
            schemas |= shape.pop("$defs") | {"Problem": shape}
            del schemas["HTTPValidationError"], schemas["ValidationError"]
            for operation in _operations(document):
                if "application/json" in operation["responses"].get("422", {}).get("content", {}):
                    del operation["responses"]["422"]
        return generate()

    app.openapi = openapi  # type: ignore[method-assign]


def _operations(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    return (each for methods in document["paths"].values() for each in methods.values())
