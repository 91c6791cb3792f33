"""Events of Google Cloud Storage, pushed by Pub/Sub or Eventarc.

Nobody is asked here who he is: Cloud Run lets in whom its IAM knows, before the request comes.
"""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request

from handler.errors import BadEvent, NotReady, RequestTooLarge, StorageUnavailable
from handler.jobs.google_events import read_delivery
from handler.jobs.push import Push
from handler.web.problems import problem_responses
from handler.web.routes.dependencies import ServicesOf

router = APIRouter(tags=["events"])


async def _body(request: Request) -> bytes:
    return await request.body()


@router.post(
    "/events",
    summary="Detect in an object that was made",
    status_code=204,
    response_description="Done, or not for us",
    responses=problem_responses(BadEvent, RequestTooLarge, NotReady, StorageUnavailable),
)
def take_event(
    request: Request, body: Annotated[bytes, Depends(_body)], services: ServicesOf
) -> None:
    """Work off one event of the bucket; anything but 204 asks for it again.

    Takes Pub/Sub's wrapped messages with Cloud Storage's attributes, and CloudEvents
    `google.cloud.storage.object.v1.finalized`, binary or structured. Objects outside `inbox/` and
    events of other kinds are ignored.
    """
    Push(services.stored, services.bucket).handle(read_delivery(request.headers, body))
