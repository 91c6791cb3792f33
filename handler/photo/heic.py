"""HEIC, decoded by pi-heif in a process of its own.

pi-heif is an extra, because libheif and libde265 are under the LGPL. A damaged file can
crash it (a segmentation fault in 1.4.0: fuzzing found several), which must not take the
service along. The process costs about 0.1 s; 12 megapixels take about 0.9 s to decode.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from threading import Timer

from PIL import Image

from handler.errors import UnsupportedImage
from handler.photo.heic_process import OUT_OF_MEMORY
from handler.photo.memory import bytes_to_decode
from handler.photo.record import Record, too_long

_PROGRAM = Path(__file__).with_name("heic_process.py")
_MISSING = "This is a HEIC, whose decoder is not installed: the extra `heic` (pi-heif) has it."
# Beside what the picture takes: the interpreter and its libraries.
_SPARE_BYTES = 256 * 2**20
# On a busy machine a second of processor time may take this many.
_PATIENCE = 8
_LONGEST_ERROR = 300


def decode_heic(data: bytes, record: Record, seconds: float) -> Image.Image:
    """Decode the primary picture, turned as its container says, in `seconds` of processor time.

    Raises UnsupportedImage where the decoder is not installed, ImageTooLarge when the time
    is over, MemoryError, and ValueError for a file that it cannot decode.
    """
    if find_spec("pi_heif") is None:
        raise UnsupportedImage(_MISSING)
    limit = 2 * bytes_to_decode(record) + _SPARE_BYTES
    command = [sys.executable, "-P", "-S", str(_PROGRAM), str(max(round(seconds), 1)), str(limit)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    with subprocess.Popen(  # noqa: S603 - our own program, no shell
        command,
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        timer = Timer(_PATIENCE * max(seconds, 1), process.kill)
        timer.start()
        try:
            image = _converse(process, data)
        finally:
            timer.cancel()
        if image is None or process.wait():
            raise _failure(process, record, seconds)
    return image


def _converse(process: subprocess.Popen[bytes], data: bytes) -> Image.Image | None:
    """Hand the file over, and take the picture; None for none."""
    source, answer = process.stdin, process.stdout
    if source is None or answer is None:
        return None
    try:
        source.write(data)
        source.close()
    except BrokenPipeError:  # it ended before it had read everything
        return None
    shape = answer.readline().split()
    if len(shape) != 3:
        return None
    mode, width, height = shape[0].decode(), int(shape[1]), int(shape[2])
    count = width * height * len(mode)
    pixels = answer.read(count)
    if len(pixels) != count:
        return None
    return Image.frombuffer(mode, (width, height), pixels, "raw", mode, 0, 1)


def _failure(process: subprocess.Popen[bytes], record: Record, seconds: float) -> Exception:
    """The error for a process that ended without a picture."""
    words = process.stderr.read(_LONGEST_ERROR).decode("utf-8", "replace") if process.stderr else ""
    status = process.wait()
    if status == OUT_OF_MEMORY:
        return MemoryError("HEIC")
    if status in (-signal.SIGXCPU, -signal.SIGKILL):
        return too_long(record, seconds)
    if status < 0:
        return ValueError(f"its decoder ended by {signal.Signals(-status).name}")
    return ValueError(words.strip() or "it holds no picture")
