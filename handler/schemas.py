"""Wire shapes: what is asked, and the manifest that answers."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, Strict, model_validator

from handler.prices import Platform
from model.runtime.detections import (
    DEFAULT_MASK_THRESHOLD,
    DEFAULT_SCORE_THRESHOLD,
    MAX_DETECTIONS,
)
from model.runtime.edges import Edges
from model.runtime.rle import RLE

# Earlier manifests are read all the same: version 1 has no `cost` in its receipt, versions 1 and 2
# have no `edges` in their options and no `refined_mask`.
MANIFEST_VERSION: Literal[3] = 3
_BEFORE_EDGES = (1, 2)

State = Literal[
    "queued", "starting", "decoding", "inferring", "writing", "succeeded", "failed", "cancelled"
]
OutputName = Literal["instances", "labels", "overlay", "cutouts", "rle", "polygons", "photo"]
ScoreThreshold = Annotated[float, Field(ge=0, le=1)]
Threshold = Annotated[float, Field(gt=0, lt=1)]
# COCO has 80; all of them fit into a small request.
ClassName = Annotated[str, Field(min_length=1, max_length=128)]
MAX_CLASSES = 256
MaxDetections = Annotated[int, Field(ge=1, le=MAX_DETECTIONS)]


class _Shape(BaseModel):
    """Exactly the fields below, and no change once made."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Options(_Shape):
    """What is asked of a detection."""

    score_threshold: Annotated[ScoreThreshold, Strict()] = DEFAULT_SCORE_THRESHOLD
    max_detections: Annotated[MaxDetections, Strict()] = MAX_DETECTIONS
    classes: Annotated[
        tuple[ClassName, ...] | None,
        Field(
            min_length=1,
            max_length=MAX_CLASSES,
            description="Names; none given is every class.",
        ),
    ] = None
    mask_threshold: Annotated[Threshold, Strict()] = DEFAULT_MASK_THRESHOLD
    outputs: Annotated[tuple[OutputName, ...], Field(max_length=12)] = (
        "instances",
        "labels",
        "overlay",
    )
    tile: Annotated[
        bool,
        Strict(),
        Field(description="Look at a large photograph in tiles too: finds small things, slower."),
    ] = False
    edges: Annotated[
        Edges | None,
        Field(
            description="`plain`: masks as the network makes them; `refined`: masks that follow "
            "the photograph's edges. None given is the deployment's default, MASKDROP_EDGES."
        ),
    ] = None


Sequencer = Annotated[
    str, Field(description="Hex digits by which S3 orders the events of one key, where one came.")
]


class Source(_Shape):
    """The photograph: a bucket's object (key, etag), or a file.

    width, height: upright, pixels; orientation: how it was stored, as EXIF numbers it, 1 to 8.
    """

    filename: str | None = None
    key: str | None = None
    etag: str | None = None
    version_id: str | None = None
    sequencer: Sequencer | None = None
    size: Annotated[int, Field(description="Bytes.")]
    width: int
    height: int
    orientation: Annotated[int, Field(ge=1, le=8)]
    animated: Annotated[
        bool, Field(description="Whether it has more pictures; the first was detected in.")
    ] = False


class Model(_Shape):
    """What detected; `digest` identifies it whatever it is called."""

    name: str
    version: int
    digest: str


class Detection(_Shape):
    """One instance, in pixels of the upright photograph."""

    index: int
    class_id: int
    class_name: str
    score: float
    box: Annotated[tuple[float, float, float, float], Field(description="x1, y1, x2, y2.")]
    area: Annotated[int, Field(description="Pixels of the mask.")]
    rle: RLE
    raw_mask: Annotated[
        str,
        Field(
            description="The network's 28×28 mask over the box, probability × 255, row by row, "
            "uint8 in base64: masks of other thresholds follow from it without inference."
        ),
    ]
    refined_mask: Annotated[
        str | None,
        Field(
            description="With `edges: refined`, what masks follow from in place of `raw_mask`: "
            "a finer mask over the box, 56, 112 or 224 values a side, or 28 for a small box; "
            "uint8, compressed by zlib, in base64."
        ),
    ] = None


class Cost(_Shape):
    """What the computing costs; a cold start and requests to the bucket come on top."""

    platform: Platform
    memory_mb: Annotated[int, Field(description="As configured; 1,024 are a GB.")]
    milliseconds: Annotated[
        float,
        Field(
            description="From reading the photograph to its manifest, rounded up as it is charged."
        ),
    ]
    gb_seconds: float
    usd: Annotated[float, Field(description="Estimated, for a request that runs alone.")]
    prices: Annotated[str, Field(description="Whose they are, where and when.")]


class Receipt(_Shape):
    """What it took."""

    cold: Annotated[bool, Field(description="The process's first detection.")]
    milliseconds: Annotated[dict[str, float], Field(description="Per stage.")]
    peak_memory_mb: Annotated[float, Field(description="Of the process so far.")]
    cost: Annotated[
        Cost | None,
        Field(
            description="Null where computing is not charged by the second, as on your own machine."
        ),
    ] = None


class Manifest(_Shape):
    """Everything about one photograph's detection; outputs are file names beside it."""

    schema_version: Literal[1, 2, 3] = MANIFEST_VERSION
    id: Annotated[str | None, Field(description="Of the result in the bucket.")] = None
    status: Literal["succeeded"] = "succeeded"
    source: Source
    model: Model
    options: Options
    detections: tuple[Detection, ...]
    outputs: tuple[str, ...]
    receipt: Receipt

    @model_validator(mode="before")
    @classmethod
    def _complete_earlier(cls, data: Any) -> Any:
        """Masks were plain before there was a choice."""
        if isinstance(data, dict) and data.get("schema_version") in _BEFORE_EDGES:
            options = data.get("options")
            if isinstance(options, dict):
                return data | {"options": {"edges": "plain"} | options}
        return data


class FailedSource(_Shape):
    """The object that could not be detected; `size` where it could be read."""

    key: str
    etag: str
    version_id: str | None = None
    sequencer: Sequencer | None = None
    size: Annotated[int | None, Field(description="Bytes.")] = None


class Failure(_Shape):
    """Why, as the HTTP API would say it."""

    type: Annotated[str, Field(description="Stable, as the `type` of an HTTP problem.")]
    detail: Annotated[str, Field(description="For people.")]


class FailedManifest(_Shape):
    """What stands in the manifest's place when a photograph cannot be detected."""

    schema_version: Literal[1, 2, 3] = MANIFEST_VERSION
    id: str | None = None
    status: Literal["failed"] = "failed"
    source: FailedSource
    model: Model
    options: Options
    failure: Failure
    attempt: Annotated[
        str | None, Field(description="The `attempt` of the status that this failure ended.")
    ] = None


class Pending(_Shape):
    """What a queued detection was asked for: enough to queue it again when a queue lost it."""

    size: Annotated[int, Field(description="Bytes of the photograph.")]
    etag: str
    version_id: str | None = None
    options: Options


class Status(_Shape):
    """How far a detection is; overwritten as it goes on, `cancelled` while it is deleted."""

    schema_version: Literal[1] = 1
    id: str
    state: State
    key: Annotated[str, Field(description="The photograph's.")]
    updated_at: datetime
    attempt: Annotated[
        str | None, Field(description="Names this attempt; an earlier one's failure is not its.")
    ] = None
    pending: Pending | None = None


class Counted(_Shape):
    """What came of one photograph, in short."""

    id: Annotated[str, Field(description="Of the result in the bucket.")]
    bucket: str
    key: Annotated[str, Field(description="The photograph's.")]
    etag: str | None
    state: Literal["succeeded", "failed"]
    counts: Annotated[dict[str, int], Field(description="Instances per class; none when failed.")]
    manifest: Annotated[str, Field(description="The manifest's key in the bucket.")]
    failure: Annotated[Failure | None, Field(description="Why; null when succeeded.")] = None


class Notification(_Shape):
    """What the webhook is told, as Standard Webhooks has it: type, timestamp, data."""

    type: Literal["detection.succeeded", "detection.failed"]
    timestamp: Annotated[
        datetime, Field(description="When the result was written; it stays when told again.")
    ]
    data: Counted
