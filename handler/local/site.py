"""The embedded stack's web site: the files of site/, as the deployed site serves them."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from pathlib import Path

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from handler.photo.decode import ImageLimits


def make_site(folder: Path, *, limits: ImageLimits, bucket_url: str) -> Starlette:
    """Serve `folder`; its config.json is given the service's `limits`.

    `bucket_url`: the origin of presigned links, the only other one that pages may reach.
    """
    config = json.loads((folder / "config.json").read_text())
    config["limits"] = {
        "bytes": limits.max_bytes,
        "pixels": limits.max_pixels,
        "side": limits.max_side,
    }
    headers = {
        "Content-Security-Policy": content_security_policy(bucket_url),
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
        # Always asked for anew, so that an edited file is seen.
        "Cache-Control": "no-cache",
    }

    async def answer_config(request: Request) -> Response:
        return JSONResponse(config)

    async def add_headers(
        request: Request, answer: Callable[[Request], Awaitable[Response]]
    ) -> Response:
        response = await answer(request)
        response.headers.update(headers)
        return response

    return Starlette(
        routes=[
            Route("/config.json", answer_config),
            Mount("/", StaticFiles(directory=folder, html=True)),
        ],
        middleware=[Middleware(BaseHTTPMiddleware, dispatch=add_headers)],
    )


def content_security_policy(bucket_url: str) -> str:
    """Allow the site's own files and the bucket's; nothing inline, nothing framed."""
    directives = {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": "'self'",
        "img-src": f"'self' blob: data: {bucket_url}",
        "connect-src": f"'self' {bucket_url}",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
    }
    return "; ".join(f"{name} {sources}" for name, sources in directives.items())
