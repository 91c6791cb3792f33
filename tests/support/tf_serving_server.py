"""TensorFlow Serving's REST API, in columns, in front of a model that LiteRT runs."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import numpy as np
from numpy.typing import NDArray

from model.runtime.backends import load_backend
from model.runtime.manifest import ModelManifest

MOST = 100

# image (1, H, W, 3) uint8, image_size (1, 2) float32 -> padded outputs
Network = Callable[[NDArray[np.uint8], NDArray[np.float32]], dict[str, NDArray[Any]]]


def make_network(folder: Path) -> Network:
    """Answer signature `preprocessed` with the version in `folder`."""
    manifest = ModelManifest.load(folder)
    backend = load_backend("litert", folder, manifest, threads=1)
    buckets = {tuple(size): name for name, size in manifest.preprocessing.buckets.items()}

    def answer(image: NDArray[np.uint8], image_size: NDArray[np.float32]) -> dict[str, Any]:
        assert image.dtype == np.uint8
        height, width = (int(side) for side in image_size[0])
        bucket = buckets[image.shape[1:3]]
        found = backend.run(
            image[0], (height, width), bucket, lambda scores, labels: np.arange(len(scores))
        )
        rows = {"boxes": found.boxes, "scores": found.scores, "labels": found.labels}
        return {name: _padded(values) for name, values in rows.items()} | {
            "masks": _padded(found.masks),
            "num_detections": np.array([len(found.scores)], np.int32),
        }

    return answer


def _padded(values: NDArray[Any]) -> NDArray[Any]:
    """(n, …) -> (1, MOST, …)."""
    return np.pad(values, [(0, MOST - len(values)), *[(0, 0)] * (values.ndim - 1)])[np.newaxis]


@contextmanager
def rest_server(network: Network, asked: list[str] | None = None) -> Iterator[str]:
    """`POST /v1/models/colour/versions/1:predict`; `asked` collects the paths of requests."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            if asked is not None:
                asked.append(self.path)
            if self.path != "/v1/models/colour/versions/1:predict":
                return self.answer(404, {"error": "Servable not found for request."})
            assert body["signature_name"] == "preprocessed"
            outputs = network(
                np.array(body["inputs"]["image"], np.uint8),
                np.array(body["inputs"]["image_size"], np.float32),
            )
            listed = {name: values.tolist() for name, values in outputs.items()}
            return self.answer(200, {"outputs": listed})

        def answer(self, status: int, body: Any) -> None:
            self.send_response(status)
            self.end_headers()
            self.wfile.write(json.dumps(body).encode())

        def log_message(self, *words: object) -> None:
            """Keep quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
