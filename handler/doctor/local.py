"""The environment: what a process started here would work with."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import httpx2

from handler.bucket.objects import ObjectStore
from handler.doctor.bucket import NEEDED, PrefixCheck, check_presigned, probe_form
from handler.doctor.findings import CannotTell, Finding, examine
from handler.doctor.machine import (
    check_memory,
    check_temporary_files,
    check_threads,
    memory_mb,
)
from handler.doctor.model import check_model
from handler.doctor.web import check_clock, check_preflight, check_region, object_url
from handler.settings import Settings
from handler.wiring import open_store
from model.runtime.machine import usable_cpus


def examine_environment(settings: Settings, http: httpx2.Client) -> Iterator[Finding]:
    """Check this machine, then the bucket and the queue that the settings name."""
    yield examine(
        "Model",
        lambda: check_model(settings),
        "Set MASKDROP_MODEL to one that `maskdrop model list` shows, or export it anew.",
    )
    # After the model, which is most of what is taken.
    yield examine("Memory", lambda: check_memory(settings, memory_mb()), "")
    yield examine("Threads", lambda: check_threads(settings.threads, usable_cpus()), "")
    yield examine("Temporary files", lambda: check_temporary_files(settings), "")
    if settings.bucket is None:
        yield Finding("Bucket", "yellow", "MASKDROP_BUCKET is not set.")
    else:
        yield from _examine_bucket(settings, open_store(settings, settings.bucket), http)
    yield examine("Queue", lambda: _check_queue(settings), "Set MASKDROP_QUEUE_URL to a queue.")
    yield Finding("SnapStart", "yellow", "A setting of functions: --stack NAME looks at it.")


def _examine_bucket(
    settings: Settings, store: ObjectStore, http: httpx2.Client
) -> Iterator[Finding]:
    reach = (
        "Are AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY set, is MASKDROP_BUCKET right, and can it "
        "be reached?"
    )
    yield examine("Presigned", lambda: check_presigned(store, http, settings.store), reach)
    for prefix in NEEDED:
        yield examine(f"Permissions {prefix}", PrefixCheck(store, prefix, settings.store), reach)
    yield examine("Region", lambda: check_region(_head(store, http), settings.region), reach)
    yield examine("Clock", lambda: check_clock(_head(store, http)), reach)
    for origin in settings.cors_origins:
        yield examine(
            "CORS",
            partial(_check_cors, store, http, origin),
            f"Allow {origin} GET, HEAD and POST with any header in the bucket's CORS rules.",
        )
    if not settings.cors_origins:
        yield Finding("CORS", "yellow", "MASKDROP_CORS_ORIGINS names no site.")
    yield examine("Events", lambda: _check_events(settings), "")


def _check_cors(store: ObjectStore, http: httpx2.Client, origin: str) -> str:
    form = probe_form(store)
    return check_preflight(http, object_url(form.url, form.fields["key"]), origin)


def _head(store: ObjectStore, http: httpx2.Client) -> httpx2.Response:
    """Ask without a signature: S3 names its date and region all the same."""
    return http.head(probe_form(store).url)


def _check_events(settings: Settings) -> str:
    if settings.store == "gcs":
        raise CannotTell("Cloud Storage's events are Pub/Sub's or Eventarc's; not looked at.")
    from handler.doctor.aws import AWS
    from handler.doctor.events import check_events, tells_of_anything

    aws = AWS(settings.region, s3_endpoint=settings.s3_endpoint)
    configuration = aws.notifications(settings.bucket or "")
    if settings.s3_endpoint and not tells_of_anything(configuration):
        raise CannotTell("This server has no notification API, or sends events in another way.")
    return check_events(configuration)


def _check_queue(settings: Settings) -> str:
    from handler.doctor.aws import AWS
    from handler.doctor.functions import check_redrive

    if settings.queue_url is None:
        raise CannotTell("MASKDROP_QUEUE_URL is not set: every detection is done at once.")
    aws = AWS(settings.region, sqs=settings.sqs_endpoint)
    return check_redrive(aws.queue(settings.queue_url))
