"""`make cost`: measure what a photograph takes, and write docs/cost.json and the tables of cost.md.

Processor time with one thread, the smallest of several: what one processor needs that has nothing
else to do, however busy this machine is. The bucket is in memory: what S3 takes is not measured.
"""

from __future__ import annotations

import io
import json
import time
from collections.abc import Iterator
from pathlib import Path

from cost_page import JSON, PAGE, with_tables
from memory_store import MemoryObjectStore
from PIL import Image

from handler.detection.cost_table import Work
from handler.detection.detector import Detector
from handler.detection.stored import StoredDetector
from handler.schemas import Options
from handler.telemetry.protocol import NoTelemetry
from model.runtime.predictor import Predictor
from model.runtime.versions import DEFAULT_MODEL, find_model

ROOT = Path(__file__).parents[3]
ROUNDS = 9
KEY = "uploads/1/photo.jpg"
SAMPLES = ROOT / "site/samples"


def photographs() -> Iterator[tuple[str, bytes]]:
    """The samples, and one of them as large as a phone takes them."""
    for name in ("astronaut", "chelsea", "coffee"):
        path = SAMPLES / f"{name}.jpg"
        with Image.open(path) as image:
            yield f"{name}, {image.width}×{image.height}", path.read_bytes()
    large = io.BytesIO()
    with Image.open(SAMPLES / "coffee.jpg") as image:
        image.resize((4000, 3000)).save(large, "JPEG", quality=92)
    yield "coffee, 4000×3000", large.getvalue()


def measure(detector: Detector, name: str, body: bytes) -> Work:
    """Detect as POST /v1/detections does, several times anew."""
    seconds = []
    for _ in range(ROUNDS):
        store = MemoryObjectStore()
        store.put(KEY, body, content_type="image/jpeg")
        stored = StoredDetector(detector, store, NoTelemetry())
        started = time.process_time()
        manifest = stored.detect_stored(stored.plan(KEY, Options()))
        seconds.append(time.process_time() - started)
    return Work(
        photograph=name, cpu_ms=round(min(seconds) * 1000, 1), outputs=len(manifest.outputs)
    )


def main() -> None:
    detector = Detector(Predictor.load(find_model(DEFAULT_MODEL), threads=1))
    works = [measure(detector, name, body) for name, body in photographs()]
    figures = [each.model_dump() for each in works]
    JSON.write_text(json.dumps(figures, indent=2, ensure_ascii=False) + "\n")
    PAGE.write_text(with_tables(PAGE.read_text(), works))


if __name__ == "__main__":
    main()
