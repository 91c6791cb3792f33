"""Every error as the HTTP answer it gets: RFC 9457 `application/problem+json`.

The class of an error decides its status and type, never its words.
"""

from __future__ import annotations

import logging
import random
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, NamedTuple

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException
from starlette.routing import Match

from handler import errors
from handler.errors import MaskdropError, problem_type
from handler.web.asgi import Scope
from handler.web.messages import FieldError, Problem
from handler.web.request_log import request_id
from model.runtime.errors import ModelError, ModelNotFound

MEDIA_TYPE = "application/problem+json"
# What a client should wait before it tries again, seconds: not all of them the same.
_RETRY_AFTER = (3, 8)
# So many refused fields are told; their words and names, so many characters.
_MAX_TOLD = 20
_MAX_WORDS = 200

_log = logging.getLogger(__name__)


class Answer(NamedTuple):
    """How errors of one class are answered; `example` is a detail for the documentation."""

    status: HTTPStatus
    title: str
    example: str


PROBLEMS: dict[type[Exception], Answer] = {
    errors.InvalidRequest: Answer(
        HTTPStatus.UNPROCESSABLE_ENTITY,
        "The request is not as documented",
        "body.size: Input should be greater than or equal to 1",
    ),
    errors.MalformedRequest: Answer(
        HTTPStatus.BAD_REQUEST,
        "The request cannot be read",
        "POST /api/detect: There was an error parsing the body.",
    ),
    errors.NoSuchRoute: Answer(
        HTTPStatus.NOT_FOUND, "Nothing is here", "GET /v2/uploads: Not Found."
    ),
    errors.MethodNotAllowed: Answer(
        HTTPStatus.METHOD_NOT_ALLOWED,
        "Not with this method",
        "PUT /v1/uploads: Method Not Allowed.",
    ),
    errors.UnsupportedImage: Answer(
        HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
        "Not a photograph we read",
        "The file is PDF; JPEG, PNG, WebP, AVIF and HEIC are accepted.",
    ),
    errors.BrokenImage: Answer(
        HTTPStatus.UNPROCESSABLE_ENTITY,
        "The photograph is damaged",
        "The JPEG is truncated: it ends after 1,024 bytes, before its picture does.",
    ),
    errors.ImageTooLarge: Answer(
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        "The photograph is too large",
        "Image is 20000×300 px; the longest side allowed is 16384.",
    ),
    errors.BadOptions: Answer(
        HTTPStatus.UNPROCESSABLE_ENTITY,
        "An option is out of range or unknown",
        "No class 'persn'; did you mean person?",
    ),
    errors.BadPrediction: Answer(
        HTTPStatus.BAD_REQUEST,
        "Not a predict request",
        "An image's 'b64' is not base64.",
    ),
    errors.BadKey: Answer(
        HTTPStatus.UNPROCESSABLE_ENTITY,
        "Not a key that Maskdrop reads",
        "Key 'results/x' is outside uploads/ and inbox/.",
    ),
    errors.BadEvent: Answer(
        HTTPStatus.UNPROCESSABLE_ENTITY,
        "Not an event that we know",
        "An S3 event has a missing or wrong s3.object.key.",
    ),
    errors.ResultNotFound: Answer(
        HTTPStatus.NOT_FOUND,
        "No such detection",
        "No detection 'mvzxk2lq'; it expired, was deleted, or never was.",
    ),
    errors.DeletionRefused: Answer(
        HTTPStatus.FORBIDDEN,
        "Only the uploader may delete this",
        "Deletion needs the header X-Deletion-Secret with what POST /v1/uploads answered.",
    ),
    errors.InboxClosed: Answer(
        HTTPStatus.FORBIDDEN,
        "Not open to callers of the API",
        "Objects under inbox/ are not open to callers of this API.",
    ),
    errors.RequestTooLarge: Answer(
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        "The request is too large",
        "The request has 40,000,000 bytes; the limit is 36,000,000.",
    ),
    errors.AnswerTooLarge: Answer(
        HTTPStatus.UNPROCESSABLE_ENTITY,
        "The answer would be too large",
        "The answer has 7,200,000 bytes; this platform passes on 6,291,556. Ask for masks=rle.",
    ),
    errors.Overloaded: Answer(
        HTTPStatus.SERVICE_UNAVAILABLE,
        "Too busy",
        "2 detections are at work and 4 wait for their turn, as many as may.",
    ),
    errors.RequestTimeout: Answer(
        HTTPStatus.REQUEST_TIMEOUT,
        "The request came too slowly",
        "The body did not come within 30 s: 1,024 bytes were read.",
    ),
    errors.CallerGone: Answer(
        HTTPStatus.BAD_REQUEST,
        "The client hung up",
        "The client closed the connection before its answer was ready.",
    ),
    errors.DetectionInterrupted: Answer(
        HTTPStatus.SERVICE_UNAVAILABLE,
        "The work was interrupted",
        "The worker ended three times while it detected in this photograph.",
    ),
    errors.WrongHost: Answer(
        HTTPStatus.MISDIRECTED_REQUEST,
        "Not the name of this service",
        "This service answers to 127.0.0.1, localhost alone.",
    ),
    errors.NotForYou: Answer(
        HTTPStatus.FORBIDDEN,
        "Not open to everybody",
        "Metrics are for this machine, or for who has MASKDROP_METRICS_TOKEN.",
    ),
    errors.NotReady: Answer(
        HTTPStatus.SERVICE_UNAVAILABLE,
        "Not ready yet",
        "The model is still loading.",
    ),
    errors.QueueUnavailable: Answer(
        HTTPStatus.SERVICE_UNAVAILABLE,
        "The queue does not answer",
        "The queue did not take the job.",
    ),
    errors.AddressRefused: Answer(
        HTTPStatus.UNPROCESSABLE_ENTITY,
        "Not an address that Maskdrop fetches from",
        "The image is at example.org; MASKDROP_LABELSTUDIO_URL is another host.",
    ),
    errors.HostUnavailable: Answer(
        HTTPStatus.SERVICE_UNAVAILABLE,
        "A host does not answer",
        "labels.example.org did not answer within 10 s.",
    ),
    errors.ObjectNotFound: Answer(
        HTTPStatus.NOT_FOUND,
        "No such object",
        "Cannot read s3://maskdrop-example/uploads/3f0c/cat.jpg: no such object.",
    ),
    errors.ObjectTooLarge: Answer(
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        "The object is too large",
        "s3://maskdrop-example/inbox/a.png has 90000000 bytes; the limit is 26214400.",
    ),
    errors.PreconditionFailed: Answer(
        HTTPStatus.CONFLICT,
        "Somebody else was first",
        "Cannot write s3://maskdrop-example/results/x/manifest.json: another writer was first.",
    ),
    errors.ObjectChanged: Answer(
        HTTPStatus.CONFLICT,
        "The object was replaced",
        "'uploads/3f0c/cat.jpg' was replaced while it was waiting.",
    ),
    errors.AccessDenied: Answer(
        HTTPStatus.FORBIDDEN,
        "The bucket refuses",
        "Cannot read s3://maskdrop-example/inbox/a.png: the bucket refuses.",
    ),
    errors.StorageUnavailable: Answer(
        HTTPStatus.SERVICE_UNAVAILABLE,
        "The bucket does not answer",
        "Cannot read s3://maskdrop-example/inbox/a.png: the store says SlowDown.",
    ),
    errors.StorageError: Answer(
        HTTPStatus.BAD_GATEWAY,
        "The bucket did not do what was asked",
        "Cannot read s3://maskdrop-example/inbox/a.png: the store says InvalidRequest.",
    ),
    ModelNotFound: Answer(
        HTTPStatus.NOT_FOUND,
        "No such model",
        "No model 'yolo'; there is mask_rcnn_edge.",
    ),
    ModelError: Answer(
        HTTPStatus.SERVICE_UNAVAILABLE,
        "The model cannot be used",
        "golden.jpg: person (score 0.99, box 1, 2, 3, 4) is recorded but not found.",
    ),
    MaskdropError: Answer(
        HTTPStatus.INTERNAL_SERVER_ERROR,
        "Something broke on our side",
        "The request failed; the log names the cause under 5c8f1d0e.",
    ),
}

# What the framework itself refuses, by its status.
_REFUSALS: dict[int, type[MaskdropError]] = {
    404: errors.NoSuchRoute,
    405: errors.MethodNotAllowed,
}


def answer_of(kind: type[Exception]) -> Answer:
    """How a class of errors is answered: as its nearest listed ancestor."""
    return next(
        (PROBLEMS[each] for each in kind.__mro__ if each in PROBLEMS), PROBLEMS[MaskdropError]
    )


def retry_after() -> str:
    """Seconds to wait, for the header Retry-After."""
    return str(random.randint(*_RETRY_AFTER))  # noqa: S311  # it keeps no secret


def problem_responses(*kinds: type[Exception]) -> dict[int | str, dict[str, Any]]:
    """The errors of a route as OpenAPI lists them, with an example for each."""
    responses: dict[int | str, dict[str, Any]] = {}
    for kind in kinds:
        answer = PROBLEMS[kind]
        response = responses.setdefault(
            int(answer.status),
            {
                "description": answer.status.phrase,
                "content": {
                    MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}, "examples": {}}
                },
            },
        )
        example = _problem(kind, answer.example, "/v1/example", "5c8f1d0e")
        response["content"][MEDIA_TYPE]["examples"][problem_type(kind)] = {
            "summary": answer.title,
            "value": example.model_dump(exclude_none=True),
        }
    return responses


def add_error_responses(app: FastAPI) -> None:
    """Answer the errors of `app` with problems."""
    for each in (MaskdropError, ModelError):
        app.add_exception_handler(each, _answer_error)
    app.add_exception_handler(HTTPException, _answer_refusal)
    app.add_exception_handler(RequestValidationError, _answer_invalid)


def problem_response(scope: Scope, error: Exception) -> Response:
    """The answer to an error; the words of one that nobody foresaw stay in the log."""
    identity, known = request_id(scope), isinstance(error, MaskdropError | ModelError)
    kind = type(error) if known else MaskdropError
    words = f"The request failed; the log names the cause under {identity}."
    return _response(_problem(kind, str(error) if known else words, scope["path"], identity))


async def _answer_error(request: Request, error: Exception) -> Response:
    if answer_of(type(error)).status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        _log.error("%s: %s", type(error).__name__, error)
    return problem_response(request.scope, error)


async def _answer_refusal(request: Request, error: Exception) -> Response:
    """Answer what the framework refuses."""
    assert isinstance(error, HTTPException)  # noqa: S101  # registered for this class alone
    kind = _REFUSALS.get(error.status_code, errors.MalformedRequest)
    path = request.scope["path"]
    words = f"{request.method} {path}: {error.detail}."
    problem = _problem(kind, words, path, request_id(request.scope))
    headers = dict(error.headers or {})
    if kind is errors.MethodNotAllowed:
        headers["Allow"] = ", ".join(_allowed_methods(request))
    return _response(problem, headers)


def _allowed_methods(request: Request) -> list[str]:
    """Every method of a path; the framework names only those of the first route that has it."""
    routes = request.app.routes
    return [
        method
        for method in ("DELETE", "GET", "POST")
        if any(
            each.matches({**request.scope, "method": method})[0] is Match.FULL for each in routes
        )
    ]


async def _answer_invalid(request: Request, error: Exception) -> Response:
    """Answer a request that is not as documented, naming every field but no value."""
    assert isinstance(error, RequestValidationError)  # noqa: S101  # registered for this class alone
    every = error.errors()
    refused = [
        FieldError(location=_printable(".".join(map(str, each["loc"]))), detail=_short(each["msg"]))
        for each in every[:_MAX_TOLD]
    ]
    if (more := len(every) - _MAX_TOLD) > 0:
        refused.append(FieldError(location="…", detail=f"{more:,} more are wrong."))
    words = "; ".join(f"{each.location}: {each.detail}" for each in refused)
    identity = request_id(request.scope)
    problem = _problem(errors.InvalidRequest, words, request.scope["path"], identity)
    return _response(problem.model_copy(update={"errors": refused}))


def _printable(name: str) -> str:
    """A field's name as sent: JSON can hold halves of characters, UTF-8 cannot."""
    return _short(name).encode(errors="backslashreplace").decode()


def _short(words: str) -> str:
    return words if len(words) <= _MAX_WORDS else f"{words[:_MAX_WORDS]}…"


def _problem(kind: type[Exception], detail: str, path: str, identity: str) -> Problem:
    answer = answer_of(kind)
    return Problem(
        type=problem_type(kind),
        title=answer.title,
        status=answer.status,
        detail=detail,
        instance=path,
        request_id=identity,
    )


def _response(problem: Problem, headers: Mapping[str, str] | None = None) -> Response:
    extra = dict(headers or {})
    if problem.status == HTTPStatus.SERVICE_UNAVAILABLE:
        extra["Retry-After"] = retry_after()
    return JSONResponse(
        problem.model_dump(exclude_none=True),
        status_code=problem.status,
        headers=extra,
        media_type=MEDIA_TYPE,
    )
