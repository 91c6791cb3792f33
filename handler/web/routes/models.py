"""The model, as TensorFlow Serving's REST API shows it; errors are worded as there."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute

from handler.errors import MaskdropError
from handler.web.messages import ModelInfo, ModelList
from handler.web.problems import answer_of, retry_after
from handler.web.routes.answers import json_answer
from handler.web.routes.dependencies import CallerOf, ServicesOf
from handler.web.tf_serving import answer_request, signature_definitions
from handler.web.tf_serving_messages import (
    ModelMetadata,
    ModelSpec,
    ModelStatus,
    PredictBody,
    ServingError,
    SignatureMap,
    Signatures,
    VersionStatus,
)
from handler.wiring import Services
from model.runtime.errors import ModelError, ModelNotFound
from model.runtime.manifest import ModelManifest

LATEST = "latest"


class _TFServingRoute(APIRoute):
    """Answers errors as TensorFlow Serving does: 400, 404 or 503, and `{"error": …}`."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def handle_errors(request: Request) -> Response:
            try:
                return await handle(request)
            except (MaskdropError, ModelError) as error:
                status = answer_of(type(error)).status
                if status not in (HTTPStatus.NOT_FOUND, HTTPStatus.SERVICE_UNAVAILABLE):
                    status = HTTPStatus.BAD_REQUEST
                busy = status == HTTPStatus.SERVICE_UNAVAILABLE
                headers = {"Retry-After": retry_after()} if busy else None
                return JSONResponse({"error": str(error)}, status_code=status, headers=headers)

        return handle_errors


router = APIRouter(tags=["TensorFlow Serving"])
tf_serving = APIRouter(tags=["TensorFlow Serving"], route_class=_TFServingRoute)

_ERRORS: dict[int | str, dict[str, Any]] = {
    404: {"model": ServingError, "description": "No such model or version"},
    503: {"model": ServingError, "description": "The model is loading, or cannot be used"},
}
_PREDICT: dict[str, Any] = {
    "response_model": None,
    "responses": {
        200: {"description": "`predictions` for `instances`, `outputs` for `inputs`"},
        400: {"model": ServingError, "description": "Not a request, or not a photograph"},
        **_ERRORS,
    },
    "openapi_extra": {
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": PredictBody.model_json_schema()}},
        }
    },
}


async def _raw_body(request: Request) -> bytes:
    """The body whatever its type: clients of TensorFlow Serving name none, or a form's."""
    return await request.body()


RawBody = Annotated[bytes, Depends(_raw_body)]


@router.get("/v1/models", summary="Models")
def list_models(services: ServicesOf) -> ModelList:
    """List what this service detects with, and the classes it knows."""
    return ModelList(models=[ModelInfo.of(services.detector.predictor.manifest)])


@tf_serving.get("/v1/models/{name}", summary="Status", responses=_ERRORS)
def status(services: ServicesOf, name: str) -> ModelStatus:
    """Say which version is available."""
    return version_status(services, name, LATEST)


@tf_serving.get(
    "/v1/models/{name}/versions/{version}",
    summary="Status of a version",
    responses=_ERRORS,
)
def version_status(services: ServicesOf, name: str, version: str) -> ModelStatus:
    """Say that the version, a number or `latest`, is available."""
    manifest = _manifest(services, name, version)
    return ModelStatus(model_version_status=[VersionStatus(version=str(manifest.version))])


@tf_serving.get("/v1/models/{name}/metadata", summary="Metadata", responses=_ERRORS)
def metadata(services: ServicesOf, name: str) -> ModelMetadata:
    """Describe the signatures."""
    return version_metadata(services, name, LATEST)


@tf_serving.get(
    "/v1/models/{name}/versions/{version}/metadata",
    summary="Metadata of a version",
    responses=_ERRORS,
)
def version_metadata(services: ServicesOf, name: str, version: str) -> ModelMetadata:
    """Describe a version's signatures."""
    manifest = _manifest(services, name, version)
    return ModelMetadata(
        model_spec=ModelSpec(name=manifest.name, version=str(manifest.version)),
        metadata=Signatures(signature_def=SignatureMap(signature_def=signature_definitions())),
    )


@tf_serving.post("/v1/models/{name}:predict", summary="Predict", **_PREDICT)
def predict_masks(services: ServicesOf, caller: CallerOf, body: RawBody, name: str) -> Response:
    """Detect in each image: `{"instances": [{"b64": …}]}`, or tensors (H, W, 3)."""
    return predict_masks_by_version(services, caller, body, name, LATEST)


@tf_serving.post(
    "/v1/models/{name}/versions/{version}:predict",
    summary="Predict with a version",
    **_PREDICT,
)
def predict_masks_by_version(
    services: ServicesOf, caller: CallerOf, body: RawBody, name: str, version: str
) -> Response:
    """Detect in each image with one version."""
    _manifest(services, name, version)
    answer = answer_request(services.detector, body, caller, services.telemetry)
    return json_answer(answer, services)


def _manifest(services: Services, name: str, version: str) -> ModelManifest:
    """The model's manifest if it is the one that is asked for; else ModelNotFound."""
    manifest = services.detector.predictor.manifest
    if name != manifest.name or version not in (LATEST, str(manifest.version)):
        wanted = f"Latest({name})" if version == LATEST else f"Specific({name}, {version})"
        raise ModelNotFound(
            f"Servable not found for request: {wanted}; "
            f"there is {manifest.name}, version {manifest.version}."
        )
    return manifest


router.include_router(tf_serving)
