"""From nothing to a model that serves: download, import, export, with what is done kept."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from model.config import Preset
from model.export.export_model import export_model
from model.export.litert_export import Photographs
from model.export.progress import OnProgress
from model.runtime.backends.litert import FILE_NAME
from model.runtime.manifest import ModelManifest
from model.runtime.versions import versions
from model.weights.catalogue import PublishedWeights
from model.weights.fetch import Progress, fetch
from model.weights.import_model import import_model
from model.weights.version_folder import WEIGHTS_NAME


def fetch_model(
    published: PublishedWeights,
    preset: Preset,
    base: Path,
    cache: Path,
    photographs: Photographs | None = None,
    *,
    downloaded: Progress = lambda done, total: None,
    report: OnProgress = lambda doing, done, total: None,
    say: Callable[[str], None] = lambda line: None,
) -> Path:
    """Return the version folder of published weights, with an int8 .tflite in it.

    What an earlier call has finished is kept: the download, the import, the stages of the
    export. A version that was exported is returned as it is, unless photographs are given.
    photographs: for calibration and parity; None stands for views of three samples.
    Raises FetchError, CheckpointError, WeightsMismatch and ExportError.
    """
    folder = imported_version(published, base)
    if folder is None:
        path = fetch(published, cache, downloaded)
        folder = import_model(
            path,
            preset,
            published.classes,
            base,
            published.preset,
            source=published.url,
            licence=published.licence,
            say=say,
        )
        say(f"Imported into {folder}.")
    else:
        say(f"{folder} has these weights already.")
    if photographs is not None or FILE_NAME not in ModelManifest.load(folder).files:
        export_model(folder, photographs, artifacts=["litert"], report=report)
    return folder


def imported_version(published: PublishedWeights, base: Path) -> Path | None:
    """Return the highest version that was imported from the published file, if there is one."""
    model = base / published.preset
    for number in sorted(versions(model), reverse=True):
        folder = model / str(number)
        has_weights = (folder / WEIGHTS_NAME).exists()
        if has_weights and ModelManifest.load(folder).source == published.url:
            return folder
    return None
