"""Request bodies and answers of the HTTP API; the manifest is in `handler/schemas.py`."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field

from handler.photo.formats import MediaType
from handler.schemas import Failure, Manifest, Model, Options, State
from model.runtime.manifest import ModelManifest

UPLOAD_ID = "3f0c9a64b4e14e6d8f0d1b9c8b7a6e55"
UPLOAD_KEY = f"uploads/{UPLOAD_ID}/cat.jpg"
RESULT_ID = "mvzxk2lqnfxw4zjanfzsaylomv3w65dsnfxgo43fon2gk3tdmuqq"


def _example(**fields: Any) -> ConfigDict:
    return ConfigDict(extra="forbid", json_schema_extra={"examples": [fields]})


class Problem(BaseModel):
    """An error, as RFC 9457 words it; `type` is stable, `detail` is for people."""

    model_config = _example(
        type="urn:maskdrop:problem:image-too-large",
        title="The photograph is too large",
        status=413,
        detail="Image is 20000×300 px; the longest side allowed is 16384.",
        instance="/api/detect",
        request_id="5c8f1d0e",
    )

    type: Annotated[str, Field(description="What kind of problem; stable.")]
    title: str
    status: int
    detail: str
    instance: Annotated[str, Field(description="The path that was asked for.")]
    request_id: str
    errors: Annotated[
        list[FieldError] | None, Field(description="Each field that was refused.")
    ] = None


class FieldError(BaseModel):
    """One refused field."""

    location: Annotated[str, Field(description="As in `body.options.score_threshold`.")]
    detail: str


class Health(BaseModel):
    """All is well."""

    model_config = _example(status="ok")

    status: Literal["ok"] = "ok"


class UploadRequest(BaseModel):
    """A photograph that is about to be uploaded."""

    model_config = _example(filename="cat.jpg", content_type="image/jpeg", size=240_512)

    filename: Annotated[str, Field(min_length=1, max_length=255)]
    content_type: MediaType
    size: Annotated[int, Field(ge=1, strict=True, description="Bytes.")]


class Upload(BaseModel):
    """Where to send the photograph: a form POST of `fields`, then the file as `file`, last."""

    model_config = _example(
        key=UPLOAD_KEY,
        url="https://maskdrop-example.s3.eu-central-1.amazonaws.com/",
        fields={"key": UPLOAD_KEY, "Content-Type": "image/jpeg", "policy": "eyJ…"},
        max_bytes=26_214_400,
        expires_at="2026-11-22T16:15:00Z",
        deletion_secret="wW3tGZ2n0y8Kq0M5bXv0m3h6kZQ1sJr9tY7uLp4cDfE",  # noqa: S106  # an example
    )

    key: Annotated[str, Field(description="For `POST /v1/detections`, once the file is there.")]
    url: str
    fields: dict[str, str]
    max_bytes: int
    expires_at: datetime
    deletion_secret: Annotated[
        str,
        Field(
            description="Deletes the upload and what was detected in it, in the header "
            "`X-Deletion-Secret`. Told this once; the service does not keep it."
        ),
    ]


class DetectionRequest(BaseModel):
    """An object of the bucket, and what to look for in it."""

    model_config = _example(key=UPLOAD_KEY, options={"score_threshold": 0.6, "classes": ["cat"]})

    key: Annotated[str, Field(min_length=1, max_length=1024)]
    options: Options = Options()


class DetectionReport(BaseModel):
    """How far a detection is, and what came of it."""

    model_config = _example(
        id=RESULT_ID,
        state="succeeded",
        manifest=None,
        failure=None,
        links={"labels.png": "https://maskdrop-example.s3.eu-central-1.amazonaws.com/results/…"},
        photo="https://maskdrop-example.s3.eu-central-1.amazonaws.com/uploads/…",
    )

    id: str
    state: State
    manifest: Annotated[Manifest | None, Field(description="Once it has succeeded.")] = None
    failure: Annotated[Failure | None, Field(description="Why, where it failed.")] = None
    links: Annotated[
        dict[str, str], Field(description="Output -> presigned link, alive for minutes.")
    ] = {}
    photo: Annotated[
        str | None, Field(description="Presigned link to the photograph it was made of.")
    ] = None


class ImageSize(BaseModel):
    """The upright photograph's size, pixels."""

    model_config = _example(width=640, height=480)

    width: int
    height: int


class DetectAnswer(BaseModel):
    """Instances found, best score first; every list has one item per instance."""

    model_config = _example(
        boxes=[[38.1, 12.5, 410.0, 297.4]],
        masks=[{"size": [300, 451], "counts": "fQ62m8:G6J5L4M2N2N1O1O1N2O001O"}],
        class_ids=[17],
        class_names=["cat"],
        scores=[0.987],
        image={"width": 451, "height": 300},
        model={"name": "mask_rcnn_edge", "version": 1, "digest": "9f86d081884c7d65"},
        timings={"decoding": 8.1, "inferring": 64.0, "encoding": 2.3},
    )

    boxes: Annotated[
        list[tuple[float, float, float, float]],
        Field(description="x1, y1, x2, y2, pixels of the upright photograph."),
    ]
    masks: Annotated[
        list[Any] | None,
        Field(
            description="As `masks` asks: COCO run lengths, lists of `{outer, holes}`, "
            "1-bit PNGs in base64, rows of 0 and 1, or null."
        ),
    ]
    class_ids: list[int]
    class_names: list[str]
    scores: list[float]
    image: ImageSize
    model: Model
    timings: Annotated[dict[str, float], Field(description="Milliseconds per stage.")]


_MODEL = {
    "name": "mask_rcnn_edge",
    "version": 1,
    "digest": "9f86d081884c7d65",
    "preset": "edge",
    "classes": [{"id": 1, "name": "person"}, {"id": 17, "name": "cat"}],
    "source": "trained by its authors on COCO photographs",
    "licence": "Apache-2.0",
    "scores": {},
}


class ModelClassInfo(BaseModel):
    """One thing the model can find."""

    id: int
    name: str


class ModelInfo(BaseModel):
    """What detects."""

    model_config = _example(**_MODEL)

    name: str
    version: int
    digest: str
    preset: str
    classes: list[ModelClassInfo]
    source: str
    licence: str
    scores: dict[str, Any]

    @classmethod
    def of(cls, manifest: ModelManifest) -> Self:
        """Sum up a model's manifest."""
        return cls(
            name=manifest.name,
            version=manifest.version,
            digest=manifest.digest,
            preset=manifest.preset,
            classes=[ModelClassInfo(id=each.id, name=each.name) for each in manifest.classes],
            source=manifest.source,
            licence=manifest.licence,
            scores=manifest.scores,
        )


class ModelList(BaseModel):
    """Every model that this service detects with."""

    model_config = _example(models=[_MODEL])

    models: list[ModelInfo]
