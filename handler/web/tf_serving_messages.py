"""Wire shapes of TensorFlow Serving's REST API."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict


def _example(**fields: Any) -> ConfigDict:
    return ConfigDict(json_schema_extra={"examples": [fields]})


class PredictBody(BaseModel):
    """Either `instances` or `inputs`."""

    model_config = _example(instances=[{"b64": "/9j/4AAQSkZJRgABAQ…"}])

    signature_name: str = "serving_default"
    instances: list[Any] | None = None
    inputs: Any | None = None


class ServingError(BaseModel):
    """An error, in TensorFlow Serving's words."""

    model_config = _example(error="Servable not found for request: Latest(yolo)")

    error: str


class VersionState(BaseModel):
    """Whether the version could be loaded."""

    error_code: Literal["OK"] = "OK"
    error_message: Literal[""] = ""


class VersionStatus(BaseModel):
    """One loaded version."""

    version: str
    state: Literal["AVAILABLE"] = "AVAILABLE"
    status: VersionState = VersionState()


class ModelStatus(BaseModel):
    """The versions that are loaded."""

    model_config = _example(
        model_version_status=[
            {
                "version": "1",
                "state": "AVAILABLE",
                "status": {"error_code": "OK", "error_message": ""},
            }
        ]
    )

    model_version_status: list[VersionStatus]


class ModelSpec(BaseModel):
    """Which model."""

    name: str
    signature_name: Literal[""] = ""
    version: str


class SignatureMap(BaseModel):
    """Signatures by name."""

    signature_def: dict[str, dict[str, Any]]


class Signatures(BaseModel):
    """TensorFlow Serving's nesting."""

    signature_def: SignatureMap


class ModelMetadata(BaseModel):
    """What the model takes and answers."""

    model_config = _example(
        model_spec={"name": "mask_rcnn_edge", "signature_name": "", "version": "1"},
        metadata={"signature_def": {"signature_def": {"serving_default": {"inputs": {}}}}},
    )

    model_spec: ModelSpec
    metadata: Signatures
