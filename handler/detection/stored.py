"""The use case: an object of the bucket in, its result beside it."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable
from dataclasses import dataclass

from handler.bucket.keys import check_source_key
from handler.bucket.objects import ObjectInfo, ObjectStore
from handler.bucket.progress import Progress
from handler.bucket.result_store import AnyManifest, ResultStore, result_id
from handler.detection.admission import Caller
from handler.detection.detector import Detector
from handler.detection.outputs import render
from handler.detection.stopwatch import Stopwatch
from handler.errors import (
    DetectionCancelled,
    MaskdropError,
    ObjectChanged,
    StorageError,
    problem_type,
)
from handler.notifications.courier import Courier, Silence
from handler.schemas import FailedManifest, FailedSource, Failure, Manifest, Options, Pending, State
from handler.telemetry.protocol import Telemetry
from model.runtime.errors import ModelError

# Told of each state that a detection enters.
OnState = Callable[[State], None]

# The stages of a detection that are worth a status of their own.
_STAGES: dict[str, State] = {"decoding": "decoding", "inferring": "inferring"}

_log = logging.getLogger(__name__)


def _silent(state: State) -> None:
    """Report to nobody."""


@dataclass(frozen=True, slots=True)
class Task:
    """One detection that has its id: this very object, these options."""

    id: str
    info: ObjectInfo
    options: Options

    @property
    def pending(self) -> Pending:
        """What the status of a queued detection keeps of it."""
        info = self.info
        return Pending(
            size=info.size, etag=info.etag, version_id=info.version_id, options=self.options
        )


class StoredDetector:
    """Detects in the bucket's objects and keeps the results there."""

    def __init__(
        self,
        detector: Detector,
        store: ObjectStore,
        telemetry: Telemetry,
        courier: Courier | None = None,
    ) -> None:
        """Detect with `detector` in the objects of `store`; `courier` tells of each result."""
        self.results = ResultStore(store)
        self._courier = courier or Silence()
        self._detector = detector
        self._store = store
        self._telemetry = telemetry

    def plan(self, key: str, options: Options, *, version_id: str | None = None) -> Task:
        """Name the detection of an object as it is now.

        Raises BadKey, BadOptions, ObjectNotFound.
        """
        check_source_key(key)
        self._detector.check_classes(options)
        return self.task(self._store.head(key, version_id=version_id), options)

    def task(self, info: ObjectInfo, options: Options) -> Task:
        """Name the detection of an object as `info` describes it."""
        options = self._detector.completed(options)
        identity = result_id(
            bucket=self._store.bucket,
            key=info.key,
            version=info.version_id or info.etag,
            model_digest=self._detector.model.digest,
            options=options,
        )
        return Task(identity, info, options)

    def describe(self, key: str) -> ObjectInfo:
        """The object as it is now; raises ObjectNotFound."""
        return self._store.head(key)

    def finished(self, task: Task) -> Manifest | None:
        """The result, where there is one already."""
        manifest = self.results.read(task.id)
        return manifest if isinstance(manifest, Manifest) else None

    def detect_now(self, task: Task, caller: Caller) -> AnyManifest:
        """Detect for somebody who waits for the answer; leaves nothing behind when that fails.

        Raises as `detect_stored` does, and DetectionCancelled when it was deleted meanwhile.
        """
        progress = self.results.join(task.id, source_key=task.info.key)
        try:
            manifest = self.detect_stored(task, caller=caller)
        except Exception:
            # What failed is what the caller has to hear.
            with contextlib.suppress(DetectionCancelled):
                self._withdraw(task, progress)
            raise
        self._withdraw(task, progress)
        return manifest

    def _withdraw(self, task: Task, progress: Progress) -> None:
        """Take the status away again; raises DetectionCancelled where somebody else did."""
        try:
            if progress.withdraw():
                return
            self.results.delete(task.id, task.info.key)
        except StorageError as error:
            _log.info("A status stays behind: %s", error)
        else:
            raise DetectionCancelled(f"Detection {task.id} was deleted while it ran.")

    def detect_stored(
        self, task: Task, on_state: OnState = _silent, caller: Caller | None = None
    ) -> AnyManifest:
        """Detect, write the outputs, and the manifest last; answers the manifest that counts.

        `caller`: who may hang up, and is refused while too many wait; none waits for ever.
        Raises a BadImage, ObjectTooLarge, ObjectNotFound, and ObjectChanged when the
        object is no longer the one that was named; for a caller Overloaded and CallerGone.
        """
        caller = caller or Caller(patient=True)

        def begin(stage: str) -> None:
            if stage in _STAGES:
                caller.check()
                on_state(_STAGES[stage])

        stopwatch = Stopwatch(begin)
        detector = self._detector
        try:
            with detector.gate.holding(task.info.size, "the photograph", caller):
                with stopwatch.stage("reading"):
                    body = self._read(task.info)
                with detector.admitted(body, task.options, caller) as photo:
                    result = detector.detect(
                        photo,
                        task.options,
                        key=task.info.key,
                        etag=task.info.etag,
                        version_id=task.info.version_id,
                        stopwatch=stopwatch,
                    )
                    on_state("writing")
                    names = self.results.write_files(task.id, render(result))
                    manifest = self._write(task.id, result.manifest(names))
        except Exception as error:
            self._telemetry.failure(type(error).__name__)
            raise
        self._telemetry.detection(result.stopwatch.milliseconds, len(result.detections))
        return manifest

    def _write(
        self, identity: str, manifest: AnyManifest, *, provisional: bool = False
    ) -> AnyManifest:
        """Write a manifest and tell of it, unless another writer's counts; answers which does."""
        manifest = manifest.model_copy(update={"id": identity})
        with self._courier.announcing(manifest, provisional=provisional) as told:
            counts = self.results.write_manifest(identity, manifest)
            told.is_ours = counts == manifest
        return counts

    def _read(self, info: ObjectInfo) -> bytes:
        found = self._store.get(
            info.key, max_bytes=self._detector.limits.max_bytes, version_id=info.version_id
        )
        if found.info.etag != info.etag:
            raise ObjectChanged(f"{info.key!r} was replaced while it was waiting.")
        return found.body

    def record_failure(
        self,
        task: Task,
        error: Exception,
        attempt: str | None = None,
        *,
        provisional: bool = False,
    ) -> AnyManifest:
        """Write the manifest that says why; a result that succeeded meanwhile stays.

        attempt: the one that ended so; none where it may still end otherwise.
        provisional: an attempt that is under way may replace it, so nobody is told of it yet.
        """
        info, known = task.info, isinstance(error, MaskdropError | ModelError)
        failure = Failure(
            type=problem_type(type(error) if known else MaskdropError),
            detail=str(error) if known else "Something broke on our side; the log names it.",
        )
        return self._write(
            task.id,
            FailedManifest(
                source=FailedSource(
                    key=info.key, etag=info.etag, version_id=info.version_id, size=info.size
                ),
                model=self._detector.model,
                options=task.options,
                failure=failure,
                attempt=attempt,
            ),
            provisional=provisional,
        )
