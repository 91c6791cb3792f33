"""Every environment variable: MASKDROP_ and the field's name in capitals."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from handler.errors import AddressRefused
from handler.outbound.guarded_http import parse_url
from handler.outbound.signature import read_secret
from handler.photo.decode import ImageLimits
from handler.prices import Platform, Rates
from model.runtime.backends import BackendName
from model.runtime.edges import DEFAULT_EDGES, Edges
from model.runtime.versions import DEFAULT_MODEL

_LIMITS = ImageLimits()


class Settings(BaseSettings):
    """What a deployment may set."""

    model_config = SettingsConfigDict(
        env_prefix="MASKDROP_", frozen=True, hide_input_in_errors=True
    )

    model: Annotated[
        str,
        Field(
            description="A model's folder (its highest version is taken) or a version's; here, or "
            "in a bucket as `s3://bucket/models/name`."
        ),
    ] = DEFAULT_MODEL
    backend: Annotated[
        BackendName,
        Field(description="Backend that runs the network: litert, saved_model or tfserving."),
    ] = "litert"
    threads: Annotated[
        int | None, Field(ge=1, description="Threads of the network; default: all cores.")
    ] = None

    edges: Annotated[
        Edges,
        Field(
            description="Masks of requests and photographs that do not say: refined, which follow "
            "the photograph's edges, or plain."
        ),
    ] = DEFAULT_EDGES

    max_image_bytes: Annotated[int, Field(ge=1, description="Maximum size of a file, bytes.")] = (
        _LIMITS.max_bytes
    )
    max_image_pixels: Annotated[
        # Above the maximum Pillow itself refuses to open a WebP.
        int, Field(ge=1, le=178_956_970, description="Maximum pixels of a photograph.")
    ] = _LIMITS.max_pixels
    max_image_side: Annotated[
        int, Field(ge=1, description="Maximum side of a photograph, pixels.")
    ] = _LIMITS.max_side

    memory_budget_mb: Annotated[
        int | None,
        Field(
            ge=64,
            description="Memory that the photographs at work may take together, MiB; unset, half "
            "of what the process may use.",
        ),
    ] = None
    max_running: Annotated[
        int | None,
        Field(ge=1, description="Detections at the same time; unset, one a processor."),
    ] = None
    max_waiting: Annotated[
        int | None,
        Field(
            ge=0,
            description="Detections that may wait for their turn, more get a 503; unset, twice "
            "as many as run.",
        ),
    ] = None
    max_requests: Annotated[
        int, Field(ge=1, description="Requests at the same time; more get a 503.")
    ] = 64
    body_seconds: Annotated[
        float, Field(gt=0, description="How long a request's body may take, seconds.")
    ] = 30
    metrics_token: Annotated[
        str | None,
        Field(
            min_length=16,
            description="Who asks for `/metrics` has to send it, as `Authorization: Bearer …`; "
            "unset, only this machine may ask.",
        ),
    ] = None

    bucket: Annotated[str | None, Field(description="The bucket of uploads and results.")] = None
    region: Annotated[str, Field(description="The bucket's and the queue's AWS region.")] = (
        "us-east-1"
    )
    s3_endpoint: Annotated[
        str | None,
        Field(description="Endpoint of an S3 server other than Amazon's, as `http://host:port`."),
    ] = None
    store: Annotated[
        Literal["s3", "gcs"],
        Field(description="API of the bucket: s3, or gcs for Google Cloud Storage."),
    ] = "s3"
    events: Annotated[
        bool,
        Field(
            description="Take Google's storage events at `POST /events`, which Cloud Run has to "
            "guard."
        ),
    ] = False
    open_inbox: Annotated[
        bool,
        Field(
            description="Let callers of the API detect in objects under `inbox/`, and read and "
            "delete their results; for an API whose callers are all the owner's."
        ),
    ] = False
    queue_url: Annotated[
        str | None,
        Field(description="URL of the SQS queue; without one, detections run during the request."),
    ] = None
    sqs_endpoint: Annotated[
        str | None,
        Field(description="Endpoint of an SQS server other than Amazon's, as `http://host:port`."),
    ] = None
    link_seconds: Annotated[
        int, Field(ge=1, le=3600, description="Lifetime of presigned links, seconds.")
    ] = 900
    detection_seconds: Annotated[
        float,
        Field(
            ge=0,
            description="On Lambda, detections are queued with less time left, seconds.",
        ),
    ] = 8
    tracing: Annotated[
        bool,
        Field(
            description="On Lambda, trace detections and calls to AWS inside a function, with the "
            "X-Ray SDK."
        ),
    ] = False
    cors_origins: Annotated[
        tuple[str, ...],
        Field(description='Origins that may call the API, as JSON: `["https://example.org"]`.'),
    ] = ()
    tfserving_url: Annotated[
        str | None,
        Field(
            description="The TensorFlow Serving server of backend tfserving, "
            "`http://host:8501` or `grpc://host:8500`; MASKDROP_MODEL's manifest stays here."
        ),
    ] = None

    webhook_url: Annotated[
        str | None,
        Field(description="Where results that are ready or failed are told, `https://…`."),
    ] = None
    webhook_secret: Annotated[
        str | None,
        Field(
            description="What the webhook's messages are signed with: `whsec_` and 24 to 64 bytes "
            "in base64."
        ),
    ] = None
    labelstudio: Annotated[
        bool, Field(description="Answer Label Studio as its ML backend, at `/labelstudio`.")
    ] = False
    labelstudio_password: Annotated[
        str | None,
        Field(
            min_length=16,
            description="Label Studio has to send it as its basic authentication's password; "
            "unset, whoever reaches the API may ask.",
        ),
    ] = None
    labelstudio_url: Annotated[
        str | None,
        Field(description="Where Label Studio is, `https://…`, to fetch its uploads from."),
    ] = None
    labelstudio_token: Annotated[
        str | None, Field(description="Label Studio's access token, to fetch its uploads with.")
    ] = None
    private_hosts: Annotated[
        bool,
        Field(
            description="Let the hosts of webhook and Label Studio have private or loopback "
            "addresses, and be asked by plain HTTP."
        ),
    ] = False

    cloud_run_vcpus: Annotated[
        float | None,
        Field(gt=0, description="On Cloud Run, the service's vCPUs; for receipts, with the next."),
    ] = None
    cloud_run_memory_mb: Annotated[
        int | None, Field(ge=1, description="On Cloud Run, the service's memory, MiB.")
    ] = None
    cloud_run_gpus: Annotated[int, Field(ge=0, description="On Cloud Run, the service's GPUs.")] = 0
    prices: Annotated[
        dict[Platform, Rates],
        Field(
            description="Prices in place of those in `handler/prices.py`, as JSON: "
            '`{"lambda-arm64": {"gib_second": 0.00001, "request": 2e-7}}`.'
        ),
    ] = {}

    @model_validator(mode="after")
    def _label_studio_is_usable(self) -> Self:
        """Refuse at the start what every fetch would fail of."""
        if self.labelstudio_url:
            try:
                parse_url(self.labelstudio_url, private=self.private_hosts)
            except AddressRefused as error:
                raise ValueError(f"MASKDROP_LABELSTUDIO_URL: {error}") from None
        return self

    @model_validator(mode="after")
    def _webhook_is_usable(self) -> Self:
        """Refuse at the start what every delivery would fail of."""
        if not self.webhook_url:
            return self
        try:
            parse_url(self.webhook_url, private=self.private_hosts)
        except AddressRefused as error:
            raise ValueError(f"MASKDROP_WEBHOOK_URL: {error}") from None
        if not self.webhook_secret:
            # Anybody could tell the receiver anything.
            raise ValueError("MASKDROP_WEBHOOK_URL needs MASKDROP_WEBHOOK_SECRET.")
        read_secret(self.webhook_secret)
        return self

    @property
    def max_request_bytes(self) -> int:
        """The largest body: a photograph in base64, and 1 MiB for what goes around it."""
        return self.max_image_bytes * 4 // 3 + 2**20

    @property
    def image_limits(self) -> ImageLimits:
        """The limits as `open_photo` takes them."""
        return ImageLimits(
            max_bytes=self.max_image_bytes,
            max_pixels=self.max_image_pixels,
            max_side=self.max_image_side,
        )


class LambdaEnvironment(BaseSettings):
    """What AWS Lambda sets for a function; None elsewhere."""

    model_config = SettingsConfigDict(env_prefix="AWS_LAMBDA_FUNCTION_", frozen=True)

    memory_mb: Annotated[int | None, Field(validation_alias="AWS_LAMBDA_FUNCTION_MEMORY_SIZE")] = (
        None
    )
