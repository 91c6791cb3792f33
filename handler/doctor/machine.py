"""Memory, threads and temporary files of the machine that this runs on."""

from __future__ import annotations

import math
import shutil
from tempfile import gettempdir

from handler.detection.machine import memory_bytes
from handler.doctor.findings import Trouble
from handler.settings import LambdaEnvironment, Settings
from model.runtime.machine import peak_memory_mb

# What a photograph takes from its decoding to its overlay, bytes a pixel: measured on JPEG and PNG
# of 12 and 50 megapixels, 10.3 to 10.7.
BYTES_PER_PIXEL = 11
# Lambda gives one vCPU for so much memory, MB.
MB_PER_VCPU = 1769


def check_memory(settings: Settings, available_mb: float) -> str:
    """Hold what the model has taken so far, and the largest photograph, against the memory."""
    model_mb = peak_memory_mb()
    photo_mb = settings.max_image_pixels * BYTES_PER_PIXEL / 1e6
    needed = model_mb + photo_mb
    parts = f"{model_mb:.0f} MB with the model, {photo_mb:.0f} MB for the largest photograph"
    if needed > available_mb:
        fitting = max(0, available_mb - model_mb) * 1e6 / BYTES_PER_PIXEL
        raise Trouble(
            f"{available_mb:.0f} MB, and {needed:.0f} MB are needed: {parts}.",
            f"Give it {needed:.0f} MB, or set MASKDROP_MAX_IMAGE_PIXELS to {fitting:.0f} or less.",
        )
    return f"{available_mb:.0f} MB; {parts}."


def check_threads(threads: int | None, cpus: int) -> str:
    """Hold MASKDROP_THREADS against the processors."""
    if threads is None:
        return f"As many as there are processors: {cpus}."
    if threads > cpus:
        raise Trouble(
            f"MASKDROP_THREADS is {threads}, on {cpus} processors: they wait for each other.",
            f"Unset MASKDROP_THREADS, or set it to {cpus}.",
        )
    return f"{threads}, on {cpus} processors."


def check_temporary_files(settings: Settings) -> str:
    """Hold the room for temporary files against the largest request, which is kept there."""
    folder = gettempdir()
    free, needed = shutil.disk_usage(folder).free, settings.max_request_bytes
    if free < needed:
        raise Trouble(
            f"{folder} has {free / 1e6:.0f} MB free; the largest request takes "
            f"{needed / 1e6:.0f} MB.",
            "Give it more (Lambda: EphemeralStorage), or lower MASKDROP_MAX_IMAGE_BYTES.",
        )
    return f"{free / 1e6:,.0f} MB free in {folder}."


def memory_mb() -> float:
    """What the process may use: Lambda's setting, the container's limit, or all there is."""
    return LambdaEnvironment().memory_mb or memory_bytes() / 1e6


def vcpus_of(memory: int) -> int:
    """The vCPUs of a Lambda function with this memory (MB), rounded up."""
    return math.ceil(memory / MB_PER_VCPU)
