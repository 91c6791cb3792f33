"""Detections of the bucket's objects: now or by the queue, and what came of them."""

from __future__ import annotations

import re
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Header, Path, Request, Response

from handler.bucket.keys import output_key
from handler.bucket.result_store import AnyManifest, ResultStore
from handler.detection.stored import Task
from handler.errors import (
    AccessDenied,
    BadKey,
    BadOptions,
    BrokenImage,
    DeletionRefused,
    ImageTooLarge,
    InboxClosed,
    InvalidRequest,
    MalformedRequest,
    NotReady,
    ObjectChanged,
    ObjectNotFound,
    ObjectTooLarge,
    Overloaded,
    QueueUnavailable,
    ResultNotFound,
    StorageUnavailable,
    UnsupportedImage,
)
from handler.jobs.queue import Job, JobQueue
from handler.schemas import Manifest, Status
from handler.web.access import (
    DeletionSecret,
    check_deletion,
    check_source_is_open,
    is_open,
)
from handler.web.messages import RESULT_ID, DetectionReport, DetectionRequest
from handler.web.problems import problem_responses
from handler.web.routes.dependencies import CallerOf, ServicesOf
from handler.wiring import Services

router = APIRouter(tags=["bucket"])

# How often a client should ask for a queued detection, seconds.
POLL_SECONDS = 2

_ID = re.compile(r"[a-z2-7]{52}")
ResultId = Annotated[str, Path(alias="id", examples=[RESULT_ID])]


@router.post(
    "/v1/detections",
    summary="Detect in an object of the bucket",
    status_code=201,
    response_description="Detected now",
    responses={
        200: {"model": DetectionReport, "description": "Was there already"},
        202: {"model": DetectionReport, "description": "Queued; ask `Location`"},
        **problem_responses(
            MalformedRequest,
            InvalidRequest,
            BadKey,
            BadOptions,
            InboxClosed,
            ObjectNotFound,
            ObjectTooLarge,
            ObjectChanged,
            UnsupportedImage,
            BrokenImage,
            ImageTooLarge,
            AccessDenied,
            StorageUnavailable,
            QueueUnavailable,
            Overloaded,
            NotReady,
        ),
    },
)
def create_detection(
    wanted: DetectionRequest,
    request: Request,
    response: Response,
    services: ServicesOf,
    caller: CallerOf,
    prefer: Annotated[
        str, Header(description="`respond-async` queues the detection.", examples=["respond-async"])
    ] = "",
) -> DetectionReport:
    """Detect in an upload; the result stays in the bucket.

    Objects under `inbox/` are taken where MASKDROP_OPEN_INBOX says so.

    The same object, model and options are the same result: asked again, it is there already.
    """
    check_source_is_open(wanted.key, services.settings)
    stored = services.stored
    task = stored.plan(wanted.key, wanted.options)
    response.headers["Location"] = request.url_for("read_detection", id=task.id).path
    if manifest := stored.finished(task):
        response.status_code = 200
        return _report(task.id, manifest, services)
    preferred = _prefers_async(prefer)
    if services.queue and (preferred or _is_short_of_time(request, services)):
        _enqueue(task, services.queue, stored.results)
        response.status_code = 202
        response.headers["Retry-After"] = str(POLL_SECONDS)
        if preferred:
            response.headers["Preference-Applied"] = "respond-async"
        return DetectionReport(id=task.id, state="queued")
    return _report(task.id, stored.detect_now(task, caller), services)


@router.get(
    "/v1/detections/{id}",
    summary="How far it is, and what came of it",
    responses=problem_responses(ResultNotFound, AccessDenied, StorageUnavailable),
)
def read_detection(identity: ResultId, response: Response, services: ServicesOf) -> DetectionReport:
    """Answer the state, the manifest when done, and fresh links to the outputs."""
    results = ResultStore(services.bucket)
    if not _ID.fullmatch(identity):
        raise _not_found(identity)
    found = results.look(identity)
    if found is None or not is_open(_source_of(found), services.settings):
        raise _not_found(identity)
    if isinstance(found, Status):
        response.headers["Retry-After"] = str(POLL_SECONDS)
        return DetectionReport(id=identity, state=found.state)
    return _report(identity, found, services)


@router.delete(
    "/v1/detections/{id}",
    summary="Delete the result and its upload",
    status_code=204,
    responses=problem_responses(ResultNotFound, DeletionRefused, AccessDenied, StorageUnavailable),
)
def delete_detection(
    identity: ResultId, services: ServicesOf, secret: DeletionSecret = None
) -> None:
    """Delete all of it, now, with the uploader's secret; a link to the result is not enough.

    An object under `inbox/` is its owner's and stays.
    """
    results = ResultStore(services.bucket)
    source_key = results.source_key(identity) if _ID.fullmatch(identity) else None
    if source_key is None or not is_open(source_key, services.settings):
        raise _not_found(identity)
    check_deletion(source_key, secret, services.settings)
    results.delete(identity)


def _report(identity: str, manifest: AnyManifest, services: Services) -> DetectionReport:
    if not isinstance(manifest, Manifest):
        return DetectionReport(id=identity, state="failed", failure=manifest.failure)
    link = partial(services.bucket.presign_get, expires_in=services.settings.link_seconds)
    names = ("manifest.json", *manifest.outputs)
    return DetectionReport(
        id=identity,
        state="succeeded",
        manifest=manifest,
        links={name: link(output_key(identity, name)) for name in names},
        photo=link(manifest.source.key) if manifest.source.key else None,
    )


def _source_of(found: AnyManifest | Status) -> str:
    return found.key if isinstance(found, Status) else found.source.key or ""


def _enqueue(task: Task, queue: JobQueue, results: ResultStore) -> None:
    """Queue a detection; raises QueueUnavailable and leaves no trace of it then."""
    # The status first: a worker takes a job without one for one that was deleted.
    promise = results.promise(task.id, source_key=task.info.key, pending=task.pending)
    try:
        queue.put(Job.of(task))
    except (QueueUnavailable, BadOptions):
        promise.withdraw()
        raise


def _prefers_async(prefer: str) -> bool:
    """Whether RFC 7240's header asks for an answer before the work is done."""
    return any(each.strip().lower() == "respond-async" for each in re.split("[,;]", prefer))


def _is_short_of_time(request: Request, services: Services) -> bool:
    """Whether Lambda would end the request before the model is through."""
    context = request.scope.get("aws.context")
    if context is None:
        return False
    remaining: int = context.get_remaining_time_in_millis()
    return remaining / 1000 < services.settings.detection_seconds


def _not_found(identity: str) -> ResultNotFound:
    shown = identity[: len(RESULT_ID)]
    return ResultNotFound(f"No detection {shown!r}; it expired, was deleted, or never was.")
