"""Detection over files: one photograph after the other, and one that fails stops no other."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from handler.client.outcomes import Outcome
from handler.client.photo_names import NamedPhoto
from handler.client.result_folder import check_replaceable, content_etag, find_result, write_result
from handler.detection.detector import Detector
from handler.schemas import Options


@dataclass(frozen=True, slots=True)
class LocalRun:
    """What every photograph of a run has in common; without `out` nothing is written.

    `resume`: keep what is in `out` already, of the same photograph, options and model.
    """

    detector: Detector
    options: Options
    out: Path | None
    resume: bool = False

    def detect_all(self, photos: Iterable[NamedPhoto]) -> Iterator[Outcome]:
        """Detect in each photograph; raises BadOptions before the first."""
        self.detector.check_classes(self.options)
        for photo in photos:
            try:
                yield self._detect(photo)
            # Whatever one file can do (a MemoryError too) is told with its name.
            except Exception as error:
                yield Outcome.failed(photo, error)

    def _detect(self, photo: NamedPhoto) -> Outcome:
        folder = self.out / photo.folder if self.out else None
        if folder:
            check_replaceable(folder)
        data = photo.read(self.detector.limits.max_bytes)
        etag = content_etag(data)
        if folder and self.resume:
            digests = {self.detector.model.digest}
            options = self.detector.completed(self.options)
            if kept := find_result(folder, etag, options, digests):
                return Outcome(photo, kept, kept=True)
        result = self.detector.detect(data, self.options, filename=photo.name, etag=etag)
        return Outcome(photo, write_result(result, folder) if folder else result.manifest())
