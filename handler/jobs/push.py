"""Events that are pushed by HTTP, one at a time: worked off, or to be delivered again.

Whoever pushes takes 2xx for done and anything else for "again, later". So what a photograph
itself is to blame for is done, with a `failed` manifest: a subscription without a dead-letter
topic would push it again for days. Anything else is raised, and pushed again; what nobody foresaw
is done after MAX_ATTEMPTS, with a `failed` manifest.
"""

from __future__ import annotations

from handler.bucket.objects import ObjectStore
from handler.detection.stored import StoredDetector
from handler.jobs.envelopes import Message
from handler.jobs.message_worker import MessageWorker
from handler.jobs.policy import endless, is_final, is_transient

# What docs/cloud-run.md gives a subscription, and the fewest that Pub/Sub takes.
MAX_ATTEMPTS = 5


class Push:
    """Works off one delivery after the other."""

    def __init__(self, stored: StoredDetector, store: ObjectStore) -> None:
        self._worker = MessageWorker(stored, store.bucket, max_tries=MAX_ATTEMPTS)

    def handle(self, delivery: Message) -> None:
        """Work off a delivery; raises what makes it worth another."""
        for error in self._worker.work_off(delivery, endless):
            given_up = delivery.tries >= MAX_ATTEMPTS and not is_transient(error)
            if not is_final(error) and not given_up:
                raise error
