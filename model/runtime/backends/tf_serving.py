"""The network in a TensorFlow Serving server, asked by REST or gRPC.

Signature `preprocessed` of the SavedModel, one image of H × W, N the most detections (100):

    image (1, H, W, 3) uint8, image_size (1, 2) float32
    -> boxes (1, N, 4), scores (1, N), labels (1, N), masks (1, N, S, S), num_detections (1,)

The version is pinned to the manifest's: what another version finds is not this model's.
"""

from __future__ import annotations

import json
from http.client import HTTPException
from typing import Any, Protocol
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

import numpy as np
from numpy.typing import NDArray

from model.runtime.backends import Keep, RawDetections
from model.runtime.errors import ManifestError, ServerError
from model.runtime.manifest import ModelManifest

SIGNATURE = "preprocessed"
TIMEOUT_SECONDS = 30.0

# Of one tensor each: name -> array.
Tensors = dict[str, NDArray[Any]]

_OUTPUTS = ("boxes", "scores", "labels", "masks", "num_detections")


class Client(Protocol):
    """One way to ask a server; safe to share between threads."""

    def predict(self, inputs: Tensors) -> Tensors:
        """Run the model; raises ServerError."""


class TFServingBackend:
    """A server's model; it answers every mask, and those not wanted are dropped here."""

    def __init__(self, url: str, manifest: ModelManifest) -> None:
        """Ask the server at `url`: http://, https:// or grpc://, host and port."""
        self._client = _client(url, manifest.name, manifest.version)

    def run(
        self, image: NDArray[np.uint8], image_size: tuple[int, int], bucket: str, keep: Keep
    ) -> RawDetections:
        """Detect and choose; the signature takes any bucket's shape."""
        found = self._client.predict(
            {"image": image[np.newaxis], "image_size": np.array([image_size], np.float32)}
        )
        missing = [name for name in _OUTPUTS if name not in found]
        if missing:
            raise ServerError(f"The server's answer lacks {', '.join(missing)}.")
        n = int(found["num_detections"][0])
        scores = found["scores"][0, :n].astype(np.float32)
        labels = found["labels"][0, :n].astype(np.int32)
        kept = keep(scores, labels)
        return RawDetections(
            boxes=found["boxes"][0, :n][kept].astype(np.float32),
            scores=scores[kept],
            labels=labels[kept],
            masks=found["masks"][0, :n][kept].astype(np.float32),
        )


def _client(url: str, name: str, version: int) -> Client:
    parts = urlsplit(url)
    if parts.scheme in ("http", "https") and parts.netloc:
        return RESTClient(url, name, version)
    if parts.scheme == "grpc" and parts.netloc:
        from model.runtime.backends.tf_serving_grpc import GRPCClient

        return GRPCClient(parts.netloc, name, version, SIGNATURE, TIMEOUT_SECONDS)
    raise ManifestError(f"{url!r} is no server; http://host:8501 or grpc://host:8500 is expected.")


class RESTClient:
    """TensorFlow Serving's REST API, in columns."""

    def __init__(self, url: str, name: str, version: int) -> None:
        self._url = f"{url.rstrip('/')}/v1/models/{name}/versions/{version}:predict"

    def predict(self, inputs: Tensors) -> Tensors:
        """Run the model; raises ServerError."""
        columns = {name: values.tolist() for name, values in inputs.items()}
        answer = self._post({"signature_name": SIGNATURE, "inputs": columns})
        outputs = answer.get("outputs")
        if not isinstance(outputs, dict):
            raise ServerError(f"{self._url} answers without outputs.")
        return {name: np.array(values) for name, values in outputs.items()}

    def _post(self, body: dict[str, Any]) -> dict[str, Any]:
        headers = {"Content-Type": "application/json"}
        request = Request(self._url, json.dumps(body).encode(), headers)  # noqa: S310  # http(s) alone
        try:
            with urlopen(request, timeout=TIMEOUT_SECONDS) as response:  # noqa: S310
                answer = json.load(response)
        except HTTPError as error:
            raise ServerError(f"{self._url} answers {error.code}: {_words(error)}.") from None
        except (OSError, HTTPException, ValueError) as error:
            raise ServerError(f"{self._url} does not answer: {error}.") from None
        if not isinstance(answer, dict):
            raise ServerError(f"{self._url} answers with no JSON object.")
        return answer


def _words(error: HTTPError) -> str:
    """What the server says is wrong, without its stop; its reason phrase where it says nothing."""
    try:
        return str(json.load(error)["error"]).rstrip(".")
    except (ValueError, KeyError, TypeError, OSError):
        return str(error.reason)
