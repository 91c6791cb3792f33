"""Label Studio's ML backend protocol: health, setup, predict.

https://github.com/HumanSignal/label-studio-ml-backend

Label Studio asks /health and /setup before each batch of /predict. Nothing is kept between them:
each request says which project's configuration it is about.
"""

from __future__ import annotations

import logging
from hmac import compare_digest
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Response
from fastapi.security import HTTPBasic, HTTPBasicCredentials
from pydantic import BaseModel, ConfigDict, Field

from handler.detection.admission import Caller
from handler.errors import (
    AddressRefused,
    AnswerTooLarge,
    BadImage,
    BadKey,
    HostUnavailable,
    InboxClosed,
    InvalidRequest,
    MalformedRequest,
    MaskdropError,
    NotForYou,
    NotReady,
    ObjectNotFound,
    Overloaded,
    StorageUnavailable,
)
from handler.schemas import Detection, FailedManifest, Options
from handler.web.access import check_source_is_open
from handler.web.labelstudio_config import LabelConfig, read_label_config
from handler.web.labelstudio_images import (
    bucket_key,
    fetch_from_label_studio,
    is_at_label_studio,
    refuse_elsewhere,
)
from handler.web.problems import problem_responses
from handler.web.routes.answers import json_answer
from handler.web.routes.dependencies import CallerOf, ServicesOf
from handler.wiring import Services

# Masks are read from the manifest; no file is written beside it.
_OPTIONS = Options(outputs=())
# As many as Label Studio sends at once, by default.
MAX_TASKS = 100

_log = logging.getLogger(__name__)
_basic = HTTPBasic(auto_error=False)


def _check_password(
    services: ServicesOf, sent: Annotated[HTTPBasicCredentials | None, Depends(_basic)]
) -> None:
    """Raise NotForYou unless the password is the one that the settings want."""
    wanted = services.settings.labelstudio_password
    given = sent.password if sent else ""
    if wanted and not compare_digest(given.encode(), wanted.encode()):
        raise NotForYou("Label Studio has to send MASKDROP_LABELSTUDIO_PASSWORD.")


router = APIRouter(
    prefix="/labelstudio", tags=["Label Studio"], dependencies=[Depends(_check_password)]
)


class _Message(BaseModel):
    """Label Studio sends more than is read here, and more with every release."""

    model_config = ConfigDict(extra="ignore")


class BackendHealth(_Message):
    """The backend is up."""

    status: Literal["UP"] = "UP"
    model_class: str = "Maskdrop"


class Setup(_Message):
    """Before a project is predicted for."""

    label_schema: Annotated[str, Field(alias="schema", description="The labelling configuration.")]


class SetupAnswer(_Message):
    """Predictions of another version are asked for anew."""

    model_version: str


class Task(_Message):
    """One photograph to predict for."""

    data: dict[str, Any]
    id: int | None = None


class PredictRequest(_Message):
    """Tasks of one project."""

    tasks: Annotated[list[Task], Field(max_length=MAX_TASKS)]
    label_config: str


class Prediction(_Message):
    """Regions to accept or to correct; score: the mean of theirs."""

    result: list[dict[str, Any]]
    score: float
    model_version: str


class PredictAnswer(_Message):
    """A list for each task, in their order: of one prediction, or of none where it failed."""

    results: list[list[Prediction]]


_REFUSALS = problem_responses(
    InvalidRequest,
    MalformedRequest,
    AddressRefused,
    AnswerTooLarge,
    BadKey,
    InboxClosed,
    NotForYou,
    ObjectNotFound,
    HostUnavailable,
    StorageUnavailable,
    Overloaded,
    NotReady,
)


@router.get(
    "/health", summary="Alive, as Label Studio asks", responses=problem_responses(NotForYou)
)
def backend_health() -> BackendHealth:
    """Answer that the backend is up."""
    return BackendHealth()


@router.post(
    "/setup",
    summary="Can a project be predicted for",
    responses=problem_responses(InvalidRequest, MalformedRequest, NotForYou, NotReady),
)
def setup(wanted: Setup, services: ServicesOf) -> SetupAnswer:
    """Check the labelling configuration and answer the model's version.

    The address and the token that Label Studio sends along are not used.
    """
    read_label_config(wanted.label_schema)
    return SetupAnswer(model_version=_version(services))


@router.post(
    "/predict",
    summary="Predict for tasks",
    response_model=PredictAnswer,
    responses=_REFUSALS,
)
def predict(wanted: PredictRequest, services: ServicesOf, caller: CallerOf) -> Response:
    """Detect in every task's photograph.

    A task that fails has no prediction, and the log says why; where all fail, so does the request.
    """
    config = read_label_config(wanted.label_config)
    results: list[list[Prediction]] = []
    errors: list[MaskdropError] = []
    for task in wanted.tasks:
        try:
            results.append([_predict(task, config, services, caller)])
        except (
            AddressRefused,
            BadImage,
            BadKey,
            HostUnavailable,
            InboxClosed,
            InvalidRequest,
            ObjectNotFound,
        ) as error:
            _log.warning("Label Studio's task %s: %s", task.id, error)
            errors.append(error)
            results.append([])
    if errors and len(errors) == len(wanted.tasks):
        raise errors[0]
    return json_answer(PredictAnswer(results=results).model_dump_json().encode(), services)


def _predict(task: Task, config: LabelConfig, services: Services, caller: Caller) -> Prediction:
    address = task.data.get(config.field)
    if not isinstance(address, str) or not address:
        raise InvalidRequest(f"A task's data has no address of an image in {config.field!r}.")
    detections = _detect(address, services, caller)
    regions = [region for each in detections for region in config.regions(each)]
    scores = [float(each["score"]) for each in regions]
    return Prediction(
        result=regions,
        score=sum(scores) / len(scores) if scores else 0,
        model_version=_version(services),
    )


def _detect(address: str, services: Services, caller: Caller) -> tuple[Detection, ...]:
    settings = services.settings
    if is_at_label_studio(address, settings):
        body = fetch_from_label_studio(address, settings)
        detector = services.detector
        with detector.admitted(body, _OPTIONS, caller) as photo:
            return detector.detect(photo, _OPTIONS).manifest().detections
    key = bucket_key(address, services.store) if services.store else None
    if key is None:
        raise refuse_elsewhere(address)
    check_source_is_open(key, settings)
    stored = services.stored
    task = stored.plan(key, _OPTIONS)
    manifest = stored.finished(task) or stored.detect_now(task, caller)
    if isinstance(manifest, FailedManifest):
        raise BadImage(manifest.failure.detail)
    return manifest.detections


def _version(services: Services) -> str:
    model = services.detector.model
    return f"{model.name}/{model.version}"
