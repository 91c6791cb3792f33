"""The model, as a process loads it when it starts."""

from __future__ import annotations

from handler.detection.model_loader import native_stderr_closed
from handler.settings import Settings
from handler.wiring import load_predictor


def check_model(settings: Settings) -> str:
    """Load it, digests and all, and have it detect its golden image; raises as that does."""
    with native_stderr_closed():
        manifest = load_predictor(settings, check_golden=True).manifest
    return f"{manifest.name} {manifest.version} detects its golden image as it should."
