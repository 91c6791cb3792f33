"""API Gateway's stage, told to the application as ASGI's `root_path`.

An HTTP API (payload 2.0) sends paths with the stage in front, unless it is `$default`; a REST
API (payload 1.0) sends them without, though clients ask with it. Behind a custom domain neither
has to be there: only what the request's own path starts with counts.
"""

from __future__ import annotations

from handler.web.asgi import ASGIApp, Receive, Scope, Send


class StagePath:
    """ASGI middleware for Mangum's scopes."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on one request, with the stage in `root_path` and in front of `path`."""
        asked = scope.get("aws.event", {}).get("requestContext", {})
        stage = f"/{asked.get('stage', '')}"
        full = asked.get("path") or scope["path"]
        if full == stage or full.startswith(f"{stage}/"):
            scope = {**scope, "root_path": stage, "path": full}
        await self._app(scope, receive, send)
