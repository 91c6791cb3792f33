"""Detection by a service: many photographs in parallel, and one that fails stops no other."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from pathlib import Path

from handler.client.api_client import ApiClient, OnSent, done
from handler.client.outcomes import Outcome
from handler.client.photo_names import NamedPhoto
from handler.client.result_folder import check_replaceable, content_etag, find_result, write_folder
from handler.client.text import upload_name
from handler.errors import MaskdropError
from handler.schemas import Manifest, Options


def _ignore(sent: int, size: int) -> None:
    """Nobody is told of the bytes that are sent."""


@dataclass(frozen=True, slots=True)
class RemoteRun:
    """What every photograph of a run has in common; without `out` nothing is fetched or written.

    `resume_with`: digests of the service's models. A result in `out` that one of them made, from
    the same photograph with the same options, is kept.
    """

    api: ApiClient
    options: Options
    out: Path | None
    max_bytes: int
    resume_with: frozenset[str] = field(default_factory=frozenset)
    on_sent: OnSent = _ignore

    def detect_all(self, photos: Iterable[NamedPhoto], parallel: int) -> Iterator[Outcome]:
        """Detect `parallel` photographs at a time; answers in the order in which they end.

        Closing the iterator starts no more of them, and stops waiting for those at hand.
        """
        pool = ThreadPoolExecutor(parallel, thread_name_prefix="upload")
        try:
            for each in as_completed([pool.submit(self.detect, photo) for photo in photos]):
                yield each.result()
        except BaseException:
            self.api.interrupt()
            raise
        finally:
            pool.shutdown(cancel_futures=True)

    def detect(self, photo: NamedPhoto) -> Outcome:
        """Upload a photograph, wait for its masks and fetch them."""
        folder = self.out / photo.folder if self.out else None
        try:
            if folder:
                check_replaceable(folder)
            body = photo.read(self.max_bytes)
            if folder and self.resume_with:
                # S3's etag of an object that came in one piece, unless KMS encrypts the bucket.
                etag = content_etag(body)
                if kept := find_result(folder, etag, self.options, self.resume_with):
                    return Outcome(photo, kept, kept=True)
            return Outcome(photo, self._detect(photo, body, folder))
        except (MaskdropError, OSError) as error:
            return Outcome.failed(photo, error)

    def _detect(self, photo: NamedPhoto, body: bytes, folder: Path | None) -> Manifest:
        upload = self.api.upload(upload_name(photo.name), body, self.on_sent)
        report = self.api.detect(upload.key, self.options)
        if folder is None:
            return done(report).model_copy(update={"outputs": ()})
        return write_folder(folder, self.api.read_outputs(report), lambda _: done(report))
