"""The report of a backfill: what its batches answered, summed up into one object.

The Distributed Map's ResultWriter leaves, in a folder that it names itself under the run's:

manifest.json      names the files below, by what became of their batches
SUCCEEDED_0.json   a line per batch: what Backfill.detect answered
FAILED_0.json      a line per batch that the platform failed: its input, Error, Cause
PENDING_0.json     a line per batch that was not begun: its input
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Iterator
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from handler.bucket.keys import backfill_folder
from handler.bucket.objects import ObjectStore
from handler.jobs.backfill import FailedObject, Tally

# A Cause may hold a traceback.
_MAX_DETAIL = 300
# For looking at the objects of failed batches one by one, seconds: the function has 300 in all.
SETTLE_SECONDS = 200.0

Settle = Callable[[FailedObject, Tally], None]

_log = logging.getLogger(__name__)


def _as_failed(failed: FailedObject, tally: Tally) -> None:
    tally.failed.append(failed)


class Summary(BaseModel):
    """What became of the objects of one run, in numbers."""

    model_config = ConfigDict(frozen=True)

    schema_version: Literal[1] = 1
    run: str
    prefix: str
    total: int
    done: int
    existing: int
    skipped: int
    failed: int
    pending: int
    failed_percentage: float


class BackfillReport(Summary):
    """The summary, and every object that failed with the reason."""

    failures: tuple[FailedObject, ...]


def report_key(run: str) -> str:
    """backfill/{run}/report.json"""
    return f"{backfill_folder(run)}report.json"


def write_report(
    store: ObjectStore, *, run: str, prefix: str, settle: Settle = _as_failed
) -> Summary:
    """Sum up a run that has ended, write backfill/{run}/report.json, answer its numbers.

    `settle` counts an object of a batch that the platform failed, as Backfill.settle does.
    """
    tally, pending = Tally(), 0
    give_up = time.monotonic() + SETTLE_SECONDS
    for outcome, batch in _read_batches(store, run):
        if outcome == "SUCCEEDED":
            _add(tally, Tally.model_validate(batch))
        elif outcome == "FAILED":
            for each in _failed_objects(batch):
                _settle(each, tally, settle if time.monotonic() < give_up else _as_failed)
        else:
            pending += len(_keys(batch))
    total, failed = tally.total + pending, len(tally.failed)
    report = BackfillReport(
        run=run,
        prefix=prefix,
        total=total,
        done=tally.done,
        existing=tally.existing,
        skipped=tally.skipped,
        failed=failed,
        pending=pending,
        failed_percentage=round(100 * failed / total, 3) if total else 0,
        failures=tuple(tally.failed),
    )
    body = report.model_dump_json().encode()
    store.put(report_key(run), body, content_type="application/json")
    return Summary.model_validate(report.model_dump(exclude={"failures"}))


def read_report(store: ObjectStore, run: str) -> BackfillReport:
    """Read a run's report; raises ObjectNotFound before there is one."""
    return BackfillReport.model_validate_json(store.get(report_key(run)).body)


def _read_batches(store: ObjectStore, run: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every batch of a run: what became of it, and its line."""
    for found in store.list_objects(backfill_folder(run)):
        if not found.key.endswith("/manifest.json"):
            continue
        files = json.loads(store.get(found.key).body)["ResultFiles"]
        for outcome, parts in files.items():
            for part in parts:
                for line in store.get(part["Key"]).body.splitlines():
                    yield outcome, json.loads(line)


def _settle(failed: FailedObject, tally: Tally, settle: Settle) -> None:
    try:
        settle(failed, tally)
    except Exception as error:
        _log.warning("%r is counted as failed: %s", failed.key, error)
        _as_failed(failed, tally)


def _add(tally: Tally, batch: Tally) -> None:
    tally.done += batch.done
    tally.existing += batch.existing
    tally.skipped += batch.skipped
    tally.failed += batch.failed


def _failed_objects(batch: dict[str, Any]) -> list[FailedObject]:
    kind, detail = batch.get("Error", "Unknown"), batch.get("Cause", "")[:_MAX_DETAIL]
    return [FailedObject(key=key, type=kind, detail=detail) for key in _keys(batch)]


def _keys(batch: dict[str, Any]) -> list[str]:
    """The keys of a batch whose input Step Functions kept."""
    return [item["Key"] for item in json.loads(batch["Input"])["Items"]]
