"""From a server on this machine to a model that serves, with connections that break.

The weights are the embedded model's, written as torchvision would save them: seeded ones find
too little for int8 to be compared. `make fetch-test` does the same at the size of ResNet-50.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace

import pytest
from checkpoint_writer import write_checkpoint
from file_server import FileServer

from model.config import EDGE
from model.runtime.errors import FetchError
from model.runtime.manifest import ModelManifest
from model.runtime.predictor import Predictor
from model.runtime.versions import find_model
from model.weights.catalogue import PublishedWeights
from model.weights.torchvision import unfold
from model.weights.version_folder import load_weights

# Two of the three shapes: each takes ten seconds to convert.
PRESET = replace(EDGE, buckets={name: EDGE.buckets[name] for name in ("landscape", "square")})


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    """The embedded model as a .pth, and its classes' names."""
    folder = find_model("mask_rcnn_edge/4")
    manifest = ModelManifest.load(folder)
    path = tmp_path_factory.mktemp("checkpoint") / "maskrcnn_edge.pth"
    write_checkpoint(path, unfold(load_weights(folder, manifest), EDGE))
    return path, ("__background__", *(each.name for each in manifest.classes))


@pytest.fixture(scope="module")
def server(checkpoint):
    path, _ = checkpoint
    with FileServer(path.read_bytes()) as running:
        yield running


@pytest.fixture(scope="module")
def published(server, checkpoint):
    digest = hashlib.sha256(server.content).hexdigest()[:8]
    return PublishedWeights(
        preset="edge",
        url=f"{server.url}/maskrcnn_edge-{digest}.pth",
        sha256_prefix=digest,
        mebibytes=len(server.content) / 2**20,
        box_ap=0,
        mask_ap=0,
        licence="CC0-1.0",
        recipe="",
        class_names=checkpoint[1],
    )


@pytest.fixture(scope="module")
def lines():
    return []


@pytest.fixture(scope="module")
def fetched(server, published, lines, tmp_path_factory):
    from model.export.fetch_model import fetch_model

    folder = tmp_path_factory.mktemp("fetched")
    server.mishaps = [("cut", len(server.content) // 2), 503]
    return fetch_model(published, PRESET, folder / "models", folder / "cache", say=lines.append)


def test_what_was_fetched_serves(fetched):
    predictor = Predictor.load(fetched, check_golden=True)
    assert predictor.manifest.golden.detections


def test_int8_was_compared_with_the_float_graph(fetched, published):
    manifest = ModelManifest.load(fetched)
    assert manifest.source == published.url
    assert {"float32", "int8"} == manifest.parity.keys()
    assert all(each["detections"] > 0 for each in manifest.parity.values())


def test_nothing_is_left_beside_the_version(fetched):
    assert [each.name for each in fetched.parent.iterdir()] == ["1"]


def test_fetching_again_does_nothing_again(fetched, server, published, lines):
    from model.export.fetch_model import fetch_model

    before, asked = (fetched / "manifest.json").read_bytes(), len(server.ranges_asked)
    again = fetch_model(published, PRESET, fetched.parents[1], fetched / "no", say=lines.append)
    assert again == fetched
    assert (fetched / "manifest.json").read_bytes() == before
    assert len(server.ranges_asked) == asked
    assert lines[-1] == f"{fetched} has these weights already."


def test_a_wrong_digest_leaves_no_model(server, published, tmp_path):
    from model.export.fetch_model import fetch_model

    other = replace(published, sha256_prefix="0" * 8)
    with pytest.raises(FetchError, match="SHA-256 does not begin with 00000000, so it was deleted"):
        fetch_model(other, PRESET, tmp_path / "models", tmp_path / "cache")
    assert list(tmp_path.glob("models/*/*")) == []
    assert list(tmp_path.glob("cache/*")) == []
