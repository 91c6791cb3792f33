"""How long a slider's move keeps the page: 100 instances on a 12-megapixel photograph.

Prints the milliseconds from each move to the end of the frame that shows it.

python tests/site/measure_slider.py
"""

from __future__ import annotations

import io
import json
import sys
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from playwright.sync_api import Route, sync_playwright

sys.path.insert(0, str(Path(__file__).parents[2]))
sys.path.insert(0, str(Path(__file__).parents[1] / "support"))

from mask_samples import detected

from handler.detection.detector import packed
from handler.schemas import Manifest, Model, Options, Receipt, Source
from model.runtime.detections import Detections
from model.runtime.edges import refine_edges

ROOT = Path(__file__).parents[2]
FRAME = (4000, 3000)
RESULT = "a" * 52
MOVES = [0.3, 0.35, 0.4, 0.45, 0.55, 0.6, 0.65, 0.7]

_MOVE = """([slider, value]) => new Promise((done) => {
  const input = document.querySelector(slider);
  const began = performance.now();
  input.value = value;
  input.dispatchEvent(new Event("input", {bubbles: true}));
  // The frame's own callback comes first: by the next task it has drawn.
  requestAnimationFrame(() => done(performance.now() - began));
})"""


def report(frame: NDArray[np.uint8]) -> dict[str, Any]:
    """A detection of 100 discs, 200 to 1,100 pixels across, with refined masks."""
    random = np.random.default_rng(1)
    y, x = np.mgrid[:28, :28] - 13.5
    raw = np.round(255 / (1 + np.exp(np.hypot(x, y) - 11))).astype(np.uint8)
    sizes = random.uniform(200, 1100, (100, 2))
    corners = random.uniform(0, np.subtract(FRAME, sizes))
    plain = Detections(
        *FRAME,
        boxes=np.hstack([corners, corners + sizes]).astype(np.float32),
        scores=np.linspace(1, 0.75, 100, dtype=np.float32),
        class_ids=np.ones(100, np.int64),
        class_names=("disc",) * 100,
        raw_masks=np.stack([raw] * 100),
    )
    found = refine_edges(plain, frame)
    masks = [
        each.model_copy(update={"refined_mask": packed(found.pasted_mask(each.index))})
        for each in detected(found)
    ]
    manifest = Manifest(
        source=Source(key="uploads/1/photo.jpg", size=1, width=4000, height=3000, orientation=1),
        model=Model(name="none", version=1, digest=""),
        options=Options(score_threshold=0.25, edges="refined"),
        detections=tuple(masks),
        outputs=(),
        receipt=Receipt(cold=False, milliseconds={}, peak_memory_mb=0),
    )
    content = manifest.model_dump(mode="json")
    return {"id": RESULT, "state": "succeeded", "manifest": content, "photo": "photo.jpg"}


def photo() -> Image.Image:
    noise = np.random.default_rng(2).integers(0, 255, (300, 400, 3), np.uint8)
    return Image.fromarray(noise).resize(FRAME)


def encoded(image: Image.Image) -> bytes:
    file = io.BytesIO()
    image.save(file, "JPEG", quality=85)
    return file.getvalue()


def main() -> None:
    handler = type("Quiet", (SimpleHTTPRequestHandler,), {"log_message": lambda *_: None})
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(handler, directory=ROOT / "site"))
    Thread(target=server.serve_forever, daemon=True).start()
    image = photo()
    answer, picture = json.dumps(report(np.asarray(image))), encoded(image)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path="/usr/bin/chromium", args=["--no-sandbox"]
        )
        page = browser.new_page(viewport={"width": 1440, "height": 900})

        def detection(route: Route) -> None:
            route.fulfill(body=answer, content_type="application/json")

        page.route("**/v1/detections/*", detection)
        page.route("**/photo.jpg", lambda route: route.fulfill(body=picture))
        page.goto(f"http://127.0.0.1:{server.server_port}/#/r/{RESULT}")
        page.wait_for_selector(".result", timeout=60_000)
        page.wait_for_timeout(1000)
        for slider in ("#mask-threshold", "#score"):
            drafts = [page.evaluate(_MOVE, [slider, value]) for value in MOVES]
            page.wait_for_timeout(600)
            print(slider, "ms:", *(f"{each:.0f}" for each in drafts))
        browser.close()


if __name__ == "__main__":
    main()
