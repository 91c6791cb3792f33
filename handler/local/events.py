"""The embedded stack's events: what changes in SeaweedFS's files, told as S3 tells it.

SeaweedFS has no S3 notifications, but a webhook for its files. Each file made or
changed under inbox/ becomes S3's event on the queue.
"""

from __future__ import annotations

import json
import time
from base64 import b64decode
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Any
from urllib.parse import quote_plus

from handler.bucket.keys import INBOX
from handler.bucket.objects import ObjectInfo, ObjectStore
from handler.bucket.result_store import ResultStore
from handler.local.queue import LocalQueue
from handler.local.seaweedfs import REGION


@contextmanager
def event_bridge(queue: LocalQueue, bucket: str) -> Iterator[str]:
    """Listen on loopback for SeaweedFS's webhook; yields the URL to tell it."""

    class Webhook(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            change = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            if (info := read_change(change, bucket)) is not None:
                queue.send(created_event(bucket, info))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing: a line per file would bury what a person wants to read."""

    with HTTPServer(("127.0.0.1", 0), Webhook) as server:
        thread = Thread(target=server.serve_forever, name="events", daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/"
        finally:
            server.shutdown()
            thread.join()


def read_change(change: Mapping[str, Any], bucket: str) -> ObjectInfo | None:
    """Read a webhook's message; None for what is no file under the bucket's inbox/.

    `change`: {"event_type", "key": "/buckets/{bucket}/{key}", "message": {"new_entry"}}.
    """
    entry = change["message"].get("new_entry") or {}
    etag = entry.get("extended", {}).get("Seaweed-X-Amz-ETag")
    key = change["key"].removeprefix(f"/buckets/{bucket}/")
    if not key.startswith(INBOX) or entry.get("is_directory") or etag is None:
        return None
    # Empty files have no size.
    return ObjectInfo(key, entry["attributes"].get("file_size", 0), b64decode(etag).decode())


def created_event(bucket: str, info: ObjectInfo) -> dict[str, Any]:
    """S3's event for an object made just now."""
    return {
        "Records": [
            {
                "eventVersion": "2.1",
                "eventSource": "aws:s3",
                "awsRegion": REGION,
                "eventTime": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.%f}"[:-3] + "Z",
                "eventName": "ObjectCreated:Put",
                "s3": {
                    "s3SchemaVersion": "1.0",
                    "configurationId": "inbox",
                    "bucket": {"name": bucket, "arn": f"arn:aws:s3:::{bucket}"},
                    "object": {
                        "key": quote_plus(info.key, safe="/"),
                        "size": info.size,
                        "eTag": info.etag,
                        "sequencer": f"{time.time_ns():020X}",
                    },
                },
            }
        ]
    }


def send_missed_events(store: ObjectStore, queue: LocalQueue) -> int:
    """Send an event for every object in inbox/ whose latest result is of other bytes, or none.

    The queue forgets its messages when it ends. Answers how many were sent.
    """
    results = ResultStore(store)
    missed = 0
    for info in store.list_objects(INBOX):
        latest = results.read_latest(info.key)
        if latest is None or latest.source.etag != info.etag:
            queue.send(created_event(store.bucket, info))
            missed += 1
    return missed
