"""Detection over files: one photograph after the other, and one that fails stops no other."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from handler.client.outcomes import Outcome, Photo
from handler.client.result_folder import write_file, write_result
from handler.detection.annotation_files import AnnotationFile
from handler.detection.detector import Detector
from handler.schemas import Manifest, Options


@dataclass(frozen=True, slots=True)
class LocalRun:
    """What every photograph of a run has in common; without `out` nothing is written."""

    detector: Detector
    options: Options
    out: Path | None
    exports: Sequence[AnnotationFile] = ()

    def detect(self, photos: Iterable[Photo]) -> Iterator[Outcome]:
        """Detect in each photograph, then write the exports of those that succeeded.

        Raises BadOptions before the first, OSError when an export cannot be written.
        """
        self.detector.check_classes(self.options)
        for photo in photos:
            try:
                yield Outcome(photo, self._detect(photo))
            # Whatever one file can do (a MemoryError too) is told with its name.
            except Exception as error:
                yield Outcome.failed(photo, error)
        if self.out:
            for export in self.exports:
                write_file(export.encode(), self.out / export.name)

    def _detect(self, photo: Photo) -> Manifest:
        data = photo.read(self.detector.limits.max_bytes)
        result = self.detector.detect(data, self.options, filename=photo.name)
        if self.out is None:
            return result.manifest()
        manifest = write_result(result, self.out / photo.folder)
        for export in self.exports:
            export.add(result, photo.name)
        return manifest
