"""How long a slider's move keeps the page: 100 instances on a 12-megapixel photograph.

Prints the milliseconds from each move to the end of the frame that shows it.

python tests/site/measure_slider.py
"""

from __future__ import annotations

import io
import json
import sys
from base64 import b64encode
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import numpy as np
from PIL import Image
from playwright.sync_api import Route, sync_playwright

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


def report() -> dict[str, Any]:
    """A detection of 100 discs, 200 to 1,100 pixels across."""
    sys.path.insert(0, str(ROOT))
    from model.runtime.postprocess import paste_mask
    from model.runtime.rle import encode_rle

    random = np.random.default_rng(1)
    y, x = np.mgrid[:28, :28] - 13.5
    raw = np.round(255 / (1 + np.exp(np.hypot(x, y) - 11))).astype(np.uint8)
    detections = []
    for index in range(100):
        size = random.uniform(200, 1100, 2)
        corner = random.uniform((0, 0), np.subtract(FRAME, size))
        box = np.float32([*corner, *(corner + size)])
        mask = paste_mask(raw, box, *FRAME)
        detections.append(
            {
                "index": index,
                "class_id": 1,
                "class_name": "disc",
                "score": round(1 - index / 400, 3),
                "box": box.tolist(),
                "area": mask.area,
                "rle": encode_rle(mask, *FRAME),
                "raw_mask": b64encode(raw.tobytes()).decode(),
            }
        )
    width, height = FRAME
    manifest = {
        "source": {"key": "uploads/1/photo.jpg", "width": width, "height": height},
        "model": {"name": "none", "version": 1},
        "options": {"mask_threshold": 0.5, "score_threshold": 0.25},
        "detections": detections,
        "receipt": {"cold": False, "milliseconds": {}},
    }
    return {"id": RESULT, "state": "succeeded", "manifest": manifest, "photo": "photo.jpg"}


def photo() -> bytes:
    noise = np.random.default_rng(2).integers(0, 255, (300, 400, 3), np.uint8)
    file = io.BytesIO()
    Image.fromarray(noise).resize(FRAME).save(file, "JPEG", quality=85)
    return file.getvalue()


def main() -> None:
    handler = type("Quiet", (SimpleHTTPRequestHandler,), {"log_message": lambda *_: None})
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(handler, directory=ROOT / "site"))
    Thread(target=server.serve_forever, daemon=True).start()
    answer, picture = json.dumps(report()), photo()
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
