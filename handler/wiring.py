"""From settings to what does the work: a predictor, a store, a queue. Every door asks here.

Entries, commands, doctor and the embedded stack build nothing of this by themselves, so a setting
means the same to all of them (tests/handler/test_every_door.py).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import TYPE_CHECKING

from handler.bucket.keys import split_url
from handler.bucket.objects import ObjectStore
from handler.detection.admission import Gate, make_gate
from handler.detection.cost import find_tariff
from handler.detection.detector import Detector
from handler.detection.model_loader import ModelLoader
from handler.detection.model_source import find_model_folder
from handler.detection.stored import StoredDetector
from handler.errors import StorageUnavailable
from handler.notifications.courier import Background, Courier, Inline, Silence
from handler.notifications.outbox import Outbox
from handler.notifications.webhook import Webhook
from handler.outbound.signature import read_secret
from handler.settings import LambdaEnvironment, Settings
from handler.telemetry.protocol import NoTelemetry, Telemetry
from model.runtime.predictor import Predictor

if TYPE_CHECKING:
    from handler.jobs.queue import JobQueue

# Where the platform sets no limit on an answer, the memory of both sides does.
MAX_ANSWER_BYTES = 32 * 2**20
# What the webhook's receiver may take for an answer, seconds.
WEBHOOK_SECONDS = 10


@dataclass(frozen=True)
class Services:
    """What the application works with."""

    settings: Settings
    model: ModelLoader
    store: ObjectStore | None = None
    queue: JobQueue | None = None
    telemetry: Telemetry = field(default_factory=NoTelemetry)
    # What has to be ready besides the model; each raises NotReady.
    checks: tuple[Callable[[], None], ...] = ()
    # The most bytes of an answer that the platform passes on.
    max_answer_bytes: int = MAX_ANSWER_BYTES
    # The detector's own: request bodies count too.
    gate: Gate = field(default_factory=make_gate)

    @property
    def detector(self) -> Detector:
        """The loaded model; waits for it, and raises NotReady for one that cannot be used."""
        return self.model.detector()

    def check_ready(self) -> None:
        """Raise NotReady while a request would fail for want of a part."""
        self.model.check_ready()
        for check in self.checks:
            check()

    @property
    def bucket(self) -> ObjectStore:
        """The bucket; raises StorageUnavailable where none is set up."""
        if self.store is None:
            raise StorageUnavailable("No bucket is set up; MASKDROP_BUCKET names one.")
        return self.store

    @cached_property
    def courier(self) -> Courier:
        """What tells the owner's webhook of results."""
        return open_courier(self.settings, self.store)

    @property
    def stored(self) -> StoredDetector:
        """The detector of the bucket's objects; raises as `bucket` and `detector` do."""
        return StoredDetector(self.detector, self.bucket, self.telemetry, self.courier)


def build_services(
    settings: Settings | None = None,
    telemetry: Telemetry | None = None,
    max_answer_bytes: int = MAX_ANSWER_BYTES,
) -> Services:
    """Wire what `settings` say; without any, what the environment says."""
    settings = settings or Settings()
    gate = open_gate(settings)
    return Services(
        settings=settings,
        gate=gate,
        model=ModelLoader(partial(load_detector, settings, check_golden=True, gate=gate)),
        store=open_store(settings, settings.bucket) if settings.bucket else None,
        queue=_open_queue(settings, settings.queue_url) if settings.queue_url else None,
        telemetry=telemetry or NoTelemetry(),
        max_answer_bytes=max_answer_bytes,
    )


def load_predictor(
    settings: Settings, model: str | None = None, *, check_golden: bool = False
) -> Predictor:
    """Load `model`, or else the settings' one, as the settings say.

    Raises a ModelError, and what `find_model_folder` raises for a model in a bucket.
    """
    return Predictor.load(
        find_model_folder(model or settings.model, settings.backend, partial(open_url, settings)),
        settings.backend,
        threads=settings.threads,
        server=settings.tfserving_url,
        check_golden=check_golden,
    )


def load_detector(
    settings: Settings,
    model: str | None = None,
    *,
    check_golden: bool = False,
    gate: Gate | None = None,
) -> Detector:
    """Load a model as `load_predictor` does, with the settings' limits and prices around it."""
    predictor = load_predictor(settings, model, check_golden=check_golden)
    tariff = find_tariff(settings, LambdaEnvironment())
    gate = gate or open_gate(settings)
    return Detector(predictor, settings.image_limits, tariff, gate, edges=settings.edges)


def open_gate(settings: Settings) -> Gate:
    """What admits detections; the machine says what the settings leave open."""
    budget = settings.memory_budget_mb
    return make_gate(budget * 2**20 if budget else None, settings.max_running, settings.max_waiting)


def open_store(settings: Settings, bucket: str) -> ObjectStore:
    """Open a bucket, the service's own or any other, on the server that the settings name."""
    if settings.store == "gcs":
        from handler.bucket.gcs import GoogleObjectStore, google_client

        google = google_client(settings.region, endpoint_url=settings.s3_endpoint)
        return GoogleObjectStore(bucket, google)
    from handler.bucket.s3 import S3ObjectStore, s3_client

    return S3ObjectStore(bucket, s3_client(settings.region, endpoint_url=settings.s3_endpoint))


def open_url(settings: Settings, url: str) -> tuple[ObjectStore, str]:
    """Open the bucket of s3://bucket/prefix; answers it and the prefix. Raises BadKey."""
    bucket, prefix = split_url(url)
    return open_store(settings, bucket), prefix


def open_courier(settings: Settings, store: ObjectStore | None) -> Courier:
    """What tells the webhook of the results in a bucket, where the settings name one."""
    if store is None or not settings.webhook_url or not settings.webhook_secret:
        return Silence()
    webhook = Webhook(
        settings.webhook_url,
        read_secret(settings.webhook_secret),
        private=settings.private_hosts,
        seconds=WEBHOOK_SECONDS,
    )
    # A function is frozen between its calls, and threads with it.
    on_lambda = LambdaEnvironment().memory_mb is not None
    return (Inline if on_lambda else Background)(Outbox(store), webhook)


def _open_queue(settings: Settings, url: str) -> JobQueue:
    from handler.jobs.queue import SQSJobQueue, sqs_client

    return SQSJobQueue(url, sqs_client(settings.region, endpoint_url=settings.sqs_endpoint))
