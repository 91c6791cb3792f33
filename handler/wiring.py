"""Builds everything that talks to the outside, once per process: the one place to look."""

from __future__ import annotations

from dataclasses import dataclass, field

from handler.bucket.objects import ObjectStore
from handler.detection.cost import find_tariff
from handler.detection.detector import Detector
from handler.detection.model_loader import ModelLoader
from handler.detection.model_source import find_model_folder
from handler.detection.stored import StoredDetector
from handler.errors import StorageUnavailable
from handler.jobs.queue import JobQueue
from handler.settings import LambdaEnvironment, Settings
from handler.telemetry.protocol import NoTelemetry, Telemetry
from model.runtime.predictor import Predictor

# Where the platform sets no limit on an answer, the memory of both sides does.
MAX_ANSWER_BYTES = 32 * 2**20


@dataclass(frozen=True)
class Services:
    """What the application works with."""

    settings: Settings
    model: ModelLoader
    store: ObjectStore | None = None
    queue: JobQueue | None = None
    telemetry: Telemetry = field(default_factory=NoTelemetry)
    # The most bytes of an answer that the platform passes on.
    max_answer_bytes: int = MAX_ANSWER_BYTES

    @property
    def detector(self) -> Detector:
        """The loaded model; waits for it, and raises NotReady for one that cannot be used."""
        return self.model.detector()

    @property
    def bucket(self) -> ObjectStore:
        """The bucket; raises StorageUnavailable where none is set up."""
        if self.store is None:
            raise StorageUnavailable("No bucket is set up; MASKDROP_BUCKET names one.")
        return self.store

    @property
    def stored(self) -> StoredDetector:
        """The detector of the bucket's objects; raises as `bucket` and `detector` do."""
        return StoredDetector(self.detector, self.bucket, self.telemetry)


def build_services(
    settings: Settings | None = None,
    telemetry: Telemetry | None = None,
    max_answer_bytes: int = MAX_ANSWER_BYTES,
) -> Services:
    """Wire what `settings` say; without any, what the environment says."""
    settings = settings or Settings()
    return Services(
        settings=settings,
        model=ModelLoader(lambda: _load_detector(settings)),
        store=_store(settings),
        queue=_queue(settings),
        telemetry=telemetry or NoTelemetry(),
        max_answer_bytes=max_answer_bytes,
    )


def _load_detector(settings: Settings) -> Detector:
    predictor = Predictor.load(
        find_model_folder(settings.model, settings),
        settings.backend,
        threads=settings.threads,
        server=settings.tfserving_url,
        check_golden=True,
    )
    return Detector(predictor, settings.image_limits, find_tariff(settings, LambdaEnvironment()))


def _store(settings: Settings) -> ObjectStore | None:
    if settings.bucket is None:
        return None
    if settings.store == "gcs":
        from handler.bucket.gcs import GoogleObjectStore, google_client

        google = google_client(settings.region, endpoint_url=settings.s3_endpoint)
        return GoogleObjectStore(settings.bucket, google)
    from handler.bucket.s3 import S3ObjectStore, s3_client

    client = s3_client(settings.region, endpoint_url=settings.s3_endpoint)
    return S3ObjectStore(settings.bucket, client)


def _queue(settings: Settings) -> JobQueue | None:
    if settings.queue_url is None:
        return None
    from handler.jobs.queue import SQSJobQueue, sqs_client

    return SQSJobQueue(
        settings.queue_url, sqs_client(settings.region, endpoint_url=settings.sqs_endpoint)
    )
