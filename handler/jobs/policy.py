"""What becomes of a detection that failed: the one rule of queue, push, direct events and backfill.

final      it will never work: a `failed` manifest is written at once
missing    the object is gone or was replaced: nobody's failure; a job that names it has failed
transient  a bucket, queue or model that does not answer now: tried again here, a few times, and
           then by whoever delivers
unknown    what nobody foresaw: tried again by whoever delivers

Of the last two a `failed` manifest is written on the last delivery alone, so that nothing is told
as failed that succeeds later.
"""

from __future__ import annotations

import math
import random
import time
from collections.abc import Callable
from typing import TypeVar

from handler.errors import (
    BadEvent,
    BadImage,
    BadKey,
    BadOptions,
    NotReady,
    ObjectChanged,
    ObjectNotFound,
    ObjectTooLarge,
    QueueUnavailable,
    StorageError,
)
from model.runtime.errors import ServerError

T = TypeVar("T")

FINAL = (BadEvent, BadImage, BadKey, BadOptions, ObjectTooLarge)
MISSING = (ObjectNotFound, ObjectChanged)
# A StorageError that is none of the above: no answer, too many requests, access that is denied
# while a role's policies spread, a write that lost ten races.
TRANSIENT = (StorageError, QueueUnavailable, NotReady, ServerError)

# Tries within one delivery, each on top of what boto3 tries again by itself.
TRIES = 3
# Before the second try, up to this many seconds at random; before each later one, twice as many.
PAUSE_S = 0.5


def is_final(error: Exception) -> bool:
    """Whether trying again is of no use."""
    return isinstance(error, FINAL)


def is_missing(error: Exception) -> bool:
    """Whether the object is gone, or is no longer the one that was named."""
    return isinstance(error, MISSING)


def is_transient(error: Exception) -> bool:
    """Whether it is worth another try here and now."""
    return isinstance(error, TRANSIENT) and not isinstance(error, FINAL + MISSING)


def endless() -> float:
    """Seconds left where nobody ends the process."""
    return math.inf


def with_retries(
    work: Callable[[], T], seconds_left: Callable[[], float] = endless, needed: float = 0
) -> T:
    """Work, and again after a transient error while there is time; raises the last error.

    needed: what a try takes, seconds.
    """
    for number in range(1, TRIES):
        try:
            return work()
        except Exception as error:
            pause = random.uniform(0, PAUSE_S * 2 ** (number - 1))  # noqa: S311
            if not is_transient(error) or seconds_left() < needed + pause:
                raise
            time.sleep(pause)
    return work()
