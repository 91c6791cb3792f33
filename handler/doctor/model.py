"""The model, as a process loads it when it starts."""

from __future__ import annotations

from handler.detection.model_loader import native_stderr_closed
from handler.detection.model_source import find_model_folder
from handler.settings import Settings
from model.runtime.predictor import Predictor


def check_model(settings: Settings) -> str:
    """Load it, digests and all, and have it detect its golden image; raises as that does."""
    folder = find_model_folder(settings.model, settings)
    with native_stderr_closed():
        predictor = Predictor.load(
            folder,
            settings.backend,
            settings.threads,
            check_golden=True,
            server=settings.tfserving_url,
        )
    manifest = predictor.manifest
    return f"{manifest.name} {manifest.version} detects its golden image as it should."
