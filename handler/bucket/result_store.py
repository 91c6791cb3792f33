"""Results in the bucket: who wins when several write, and what is there meanwhile.

    id = result_id(…)               the same photograph, model and options, the same id
    progress = results.begin(…)     status.json, as often as there is something to say
    results.write_files(…)          masks and pictures, in any order
    results.write_manifest(…)       last: before it the result does not exist
    results.publish_latest(…)       latest/{source key}.json, for results of events
    progress.end(…)                 was it deleted meanwhile?

A succeeded manifest is never replaced; a failed one may be, by a later attempt.
Every write can be repeated, so a retry after a crash just does all of it again.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from pathlib import PurePosixPath
from typing import Annotated, NamedTuple

from pydantic import Field, TypeAdapter, ValidationError

from handler.bucket.keys import (
    RESULTS,
    UPLOADS,
    digest_id,
    is_older,
    latest_key,
    manifest_key,
    output_key,
    status_key,
)
from handler.bucket.objects import ObjectStore
from handler.bucket.progress import Progress, new_status, put_status, read_status
from handler.errors import (
    DetectionCancelled,
    ObjectNotFound,
    PreconditionFailed,
    StorageError,
)
from handler.schemas import FailedManifest, Manifest, Options, Pending, Status

AnyManifest = Manifest | FailedManifest

_log = logging.getLogger(__name__)

# An attempt that has told nothing for so long has ended, whatever its status says: longer than a
# message of the queue hides after its worker was killed (720 s), and one more stage.
SILENT_AFTER = timedelta(minutes=15)

# Each lost race means that another writer got further; ten in a row are a fault.
MAX_RACES = 10

_JSON = "application/json"
_CONTENT_TYPES = {".png": "image/png", ".jpg": "image/jpeg", ".json": _JSON}
_MANIFEST: TypeAdapter[AnyManifest] = TypeAdapter(
    Annotated[AnyManifest, Field(discriminator="status")]
)


def result_id(*, bucket: str, key: str, version: str, model_digest: str, options: Options) -> str:
    """Name what these make: 52 characters of a-z and 2-7.

    `version`: the object's version id, or where the bucket keeps none its etag. The
    order of classes and outputs, or naming one twice, makes no difference.
    """
    # Without tiles and refined edges the id is the one that results had before there were any.
    refined = options.edges == "refined"
    asked = {"tile": options.tile, "edges": refined}
    canonical = options.model_dump(
        exclude={name for name, is_asked in asked.items() if not is_asked}
    )
    for name in ("classes", "outputs"):
        if canonical[name] is not None:
            canonical[name] = sorted(set(canonical[name]))
    return digest_id(json.dumps([bucket, key, version, model_digest, canonical], sort_keys=True))


class _Stored(NamedTuple):
    """A manifest as it was found; None where it is of another schema, or no manifest."""

    manifest: AnyManifest | None
    etag: str


class ResultStore:
    """The results of one bucket. Every method raises StorageError when the bucket fails."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store

    def read(self, result_id: str) -> AnyManifest | None:
        """Read the manifest; None while there is none."""
        stored = self._read_manifest(manifest_key(result_id))
        return stored.manifest if stored else None

    def read_latest(self, source_key: str) -> AnyManifest | None:
        """Read the newest manifest of an object."""
        stored = self._read_manifest(latest_key(source_key))
        return stored.manifest if stored else None

    def read_status(self, result_id: str) -> Status | None:
        """Read how far a detection is; None for one that nobody began."""
        found = read_status(self._store, result_id)
        return found[0] if found else None

    def look(self, result_id: str) -> AnyManifest | Status | None:
        """What there is to say of a detection: its manifest, or how far it is.

        The failure of an earlier attempt is no answer while another one waits or runs.
        """
        manifest = self.read(result_id)
        if isinstance(manifest, Manifest):
            return manifest
        status = self.read_status(result_id)
        if manifest is None or (status and _is_under_way(status, manifest)):
            return status
        return manifest

    def promise(self, result_id: str, *, source_key: str, pending: Pending) -> Progress:
        """Begin an attempt that waits in a queue; `withdraw` it where the queue does not take it.

        Without its status a worker would take the job for one that was deleted, so a bucket
        that does not take it raises a StorageError.
        """
        found = read_status(self._store, result_id)
        status = new_status(result_id, "queued", source_key, pending)
        etag = put_status(self._store, status)
        return Progress(self._store, status, etag, previous=found[0] if found else None)

    def resume(self, result_id: str) -> Progress | None:
        """Go on with an attempt that was promised; None for one that was deleted."""
        found = read_status(self._store, result_id)
        if found is None or found[0].state == "cancelled":
            return None
        return Progress(self._store, *found)

    def begin(self, result_id: str, *, source_key: str) -> Progress:
        """Begin an attempt that nobody was promised; mute where the bucket takes no status.

        Raises DetectionCancelled for one that is being deleted.
        """
        status = new_status(result_id, "starting", source_key)
        try:
            return Progress(self._store, status, self._take_over(status))
        except StorageError as error:
            _log.info("%s is starting, which could not be told: %s", result_id, error)
            return Progress(self._store, status, None, seen=False)

    def _take_over(self, status: Status) -> str:
        """Write a new attempt's status over an earlier one's; answers its etag."""
        try:
            return put_status(self._store, status, if_none_match="*")
        except PreconditionFailed:
            found = read_status(self._store, status.id)
        if found and found[0].state == "cancelled":
            raise DetectionCancelled(f"Detection {status.id} is being deleted.")
        return put_status(self._store, status, if_match=found[1] if found else None)

    def join(self, result_id: str, *, source_key: str) -> Progress:
        """Begin an attempt beside one that may be promised already, whose status stays."""
        status = new_status(result_id, "starting", source_key)
        try:
            etag = put_status(self._store, status, if_none_match="*")
        except PreconditionFailed:
            return Progress(self._store, status, None)
        except StorageError as error:
            _log.info("%s is starting, which could not be told: %s", result_id, error)
            return Progress(self._store, status, None, seen=False)
        return Progress(self._store, status, etag)

    def write_files(self, result_id: str, files: Iterable[tuple[str, bytes]]) -> tuple[str, ...]:
        """Write outputs, (name, bytes) each, one in memory; returns their names."""
        return tuple(self._write_file(result_id, name, body) for name, body in files)

    def write_manifest(self, result_id: str, manifest: AnyManifest) -> AnyManifest:
        """Write the manifest; returns the one that counts, which may be another writer's."""
        return self._write_unless(
            manifest_key(result_id),
            manifest.model_copy(update={"id": result_id}),
            stays=lambda present: present.status == "succeeded",
        )

    def publish_latest(self, manifest: AnyManifest, sequencer: str) -> AnyManifest:
        """Make this the newest manifest of its object, unless a later event's is there already.

        `sequencer`: of the event that asked. It goes into the copy: the same bytes put
        again are the same result, though a newer event. Returns what is there now.
        """
        source = manifest.source.model_copy(update={"sequencer": sequencer})
        return self._write_unless(
            latest_key(source.key or ""),
            manifest.model_copy(update={"source": source}),
            stays=lambda present: is_older(sequencer, than=present.source.sequencer or ""),
        )

    def source_key(self, result_id: str) -> str | None:
        """The key of the photograph of a detection; None for one that nobody began."""
        if manifest := self.read(result_id):
            return manifest.source.key
        status = self.read_status(result_id)
        return status.key if status else None

    def delete(self, result_id: str, known_source: str | None = None) -> bool:
        """Delete a result and the upload it was made of; whether there was anything.

        known_source: the photograph's key, for a worker whose result is gone but for its copy.

        An object outside uploads/ is its owner's and stays. The status says `cancelled` before
        anything goes: a worker that looks at it after its last write deletes what it wrote, and
        one that found it as it was has written before we list. Manifest and status go last, so
        that a deletion that broke off can be repeated.
        """
        found = read_status(self._store, result_id)
        source_key = self.source_key(result_id) or known_source
        if found or source_key is not None:
            status = found[0] if found else new_status(result_id, "cancelled", source_key or "")
            put_status(self._store, status.model_copy(update={"state": "cancelled"}))
        self._forget_latest(result_id, source_key)
        last = (manifest_key(result_id), status_key(result_id))
        keys = [each.key for each in self._store.list_objects(f"{RESULTS}{result_id}/")]
        if keys and source_key is None:
            # Begun since we looked first.
            source_key = self.source_key(result_id)
        if source_key is not None and source_key.startswith(UPLOADS):
            self._store.delete([source_key])
        self._store.delete(key for key in keys if key not in last)
        self._store.delete([last[0]])
        # A copy that was published in between, by a worker that still found the manifest.
        self._forget_latest(result_id, source_key)
        self._store.delete([last[1]])
        return bool(keys)

    def forget_deleted(self, result_id: str, source_key: str) -> None:
        """Delete the copy under latest/ of a result that was deleted while it was published."""
        if self.read(result_id) is None:
            self._forget_latest(result_id, source_key)

    def _forget_latest(self, result_id: str, source_key: str | None) -> None:
        if source_key is None:
            return
        latest = self.read_latest(source_key)
        if latest and latest.id == result_id:
            self._store.delete([latest_key(source_key)])

    def _write_file(self, result_id: str, name: str, body: bytes) -> str:
        content_type = _CONTENT_TYPES[PurePosixPath(name).suffix]
        self._store.put(output_key(result_id, name), body, content_type=content_type)
        return name

    def _write_unless(
        self, key: str, manifest: AnyManifest, stays: Callable[[AnyManifest], bool]
    ) -> AnyManifest:
        """Write `manifest` at `key` unless the one there `stays`; returns what is there then."""
        body = manifest.model_dump_json().encode()
        rival: _Stored | None = None
        for _ in range(MAX_RACES):
            try:
                if rival is None:
                    self._store.put(key, body, content_type=_JSON, if_none_match="*")
                else:
                    self._store.put(key, body, content_type=_JSON, if_match=rival.etag)
            except PreconditionFailed:
                rival = self._read_manifest(key)
                if rival and rival.manifest and stays(rival.manifest):
                    return rival.manifest
            else:
                return manifest
        raise PreconditionFailed(
            f"s3://{self._store.bucket}/{key} changed {MAX_RACES} times while it was written."
        )

    def _read_manifest(self, key: str) -> _Stored | None:
        try:
            found = self._store.get(key)
        except ObjectNotFound:
            return None
        try:
            return _Stored(_MANIFEST.validate_json(found.body), found.info.etag)
        except ValidationError:
            return _Stored(None, found.info.etag)


def _is_under_way(status: Status, failed: FailedManifest) -> bool:
    """Whether `status` is of a later attempt than the one that failed, and not of a dead one."""
    if status.state == "cancelled":
        return True
    if status.attempt == failed.attempt or status.state in ("succeeded", "failed"):
        return False
    silent_for = datetime.now(UTC) - status.updated_at
    return status.state == "queued" or silent_for < SILENT_AFTER
