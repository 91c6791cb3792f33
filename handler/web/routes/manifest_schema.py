"""The JSON Schemas of what lies in the bucket, and of what the webhook is told."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from fastapi.responses import JSONResponse
from pydantic import TypeAdapter

from handler.bucket.result_store import AnyManifest
from handler.schemas import Notification, Status

router = APIRouter(prefix="/schemas", tags=["schemas"])

_DIALECT = "https://json-schema.org/draft/2020-12/schema"


class SchemaResponse(JSONResponse):
    """A JSON Schema."""

    media_type = "application/schema+json"


@router.get(
    "/manifest.json", summary="Of results/{id}/manifest.json", response_class=SchemaResponse
)
def manifest_schema() -> dict[str, Any]:
    """Answer the manifest's schema: of a result, or of a failure."""
    return {"$schema": _DIALECT} | TypeAdapter(AnyManifest).json_schema()


@router.get("/status.json", summary="Of results/{id}/status.json", response_class=SchemaResponse)
def status_schema() -> dict[str, Any]:
    """Answer the schema of the progress of a detection."""
    return {"$schema": _DIALECT} | Status.model_json_schema()


@router.get(
    "/notification.json", summary="Of what the webhook is told", response_class=SchemaResponse
)
def notification_schema() -> dict[str, Any]:
    """Answer the schema of the message about a result that is ready or failed."""
    return {"$schema": _DIALECT} | Notification.model_json_schema()
