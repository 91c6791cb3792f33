"""Detection by a service: many photographs at once, and one that fails stops no other."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from pathlib import Path

from handler.client.api_client import ApiClient, OnSent, done
from handler.client.outcomes import Outcome, Photo
from handler.client.result_folder import read_manifest, write_folder
from handler.errors import MaskdropError
from handler.schemas import Manifest, Options


@dataclass(frozen=True, slots=True)
class RemoteRun:
    """What every photograph of a run has in common.

    `resume_with`: digests of the service's models; where they made what is already in
    `out`, from the same photograph with the same options, it stays.
    """

    api: ApiClient
    options: Options
    out: Path
    max_bytes: int
    resume_with: frozenset[str] = field(default_factory=frozenset)

    def detect_all(self, photos: Iterable[Photo], at_once: int) -> Iterator[Outcome]:
        """Detect `at_once` photographs at a time; answers in the order in which they end."""
        pool = ThreadPoolExecutor(at_once, thread_name_prefix="upload")
        try:
            for each in as_completed([pool.submit(self.detect, photo) for photo in photos]):
                yield each.result()
        finally:
            pool.shutdown(cancel_futures=True)

    def detect(self, photo: Photo, on_sent: OnSent = lambda sent, size: None) -> Outcome:
        """Upload a photograph, wait for its masks and fetch them."""
        try:
            body = photo.read(self.max_bytes)
            manifest = self._kept(photo, body) or self._detect(photo, body, on_sent)
        except (MaskdropError, OSError) as error:
            return Outcome.failed(photo, error)
        return Outcome(photo, manifest)

    def _detect(self, photo: Photo, body: bytes, on_sent: OnSent) -> Manifest:
        upload = self.api.upload(photo.name, body, on_sent)
        report = self.api.detect(upload.key, self.options)
        files = self.api.read_outputs(report)
        return write_folder(self.out / photo.folder, files, lambda _: done(report))

    def _kept(self, photo: Photo, body: bytes) -> Manifest | None:
        manifest = read_manifest(self.out / photo.folder)
        if manifest is None or manifest.model.digest not in self.resume_with:
            return None
        # S3's etag of an object that came in one piece, unless KMS encrypts the bucket.
        same = manifest.source.etag == hashlib.md5(body, usedforsecurity=False).hexdigest()
        return manifest if same and manifest.options == self.options else None
