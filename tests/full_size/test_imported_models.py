"""matterport's and Detectron2's models through the command line: file -> import -> masks.

Both with a ResNet-50 at 256×256 pixels, as int8 and as float32. The weights are seeded, and their
last layers fitted to drawings, so that things are found in them. Minutes, and 4 GB of memory:
`make fetch-test` runs it.
"""

from __future__ import annotations

import json
import pickle
from dataclasses import replace

import h5py
import numpy as np
import pytest
from fitted_heads import Scene, fit_heads, with_detectron2_heads, with_matterport_heads
from PIL import Image, ImageDraw
from seeded_imports import preset, seeded_detectron2, seeded_keras
from seeded_weights import NUM_CLASSES
from shapes import draw_shapes
from typer.testing import CliRunner

from handler.commands.main import app
from model.architecture.mask_rcnn import MaskRCNN
from model.config import KNOWN_PRESETS
from model.runtime.boxes import box_ious
from model.weights.detectron2 import fold_detectron2
from model.weights.import_model import preprocessing_of
from model.weights.matterport import fold_matterport

SIDE = 256
SIZE = (256, 192)
FAMILIES = ("matterport-r50", "detectron2-r50")


@pytest.fixture(scope="module", params=FAMILIES)
def name(request):
    return request.param


@pytest.fixture(scope="module")
def folder(tmp_path_factory, name):
    """An empty folder to work in, and the preset with one small shape."""
    with pytest.MonkeyPatch.context() as patch:
        small = replace(
            preset(name), min_size=SIDE, max_size=SIDE, buckets={"square": (SIDE, SIDE)}
        )
        patch.setitem(KNOWN_PRESETS, name, small)
        path = tmp_path_factory.mktemp("stranger")
        patch.chdir(path)
        yield path


@pytest.fixture(scope="module")
def drawings(folder):
    """Photographs of a disc and a square each, and what is in them."""
    data = draw_shapes(folder / "images", 6, size=SIZE)
    return {
        image["file_name"]: scene_of(folder / "images" / image["file_name"], image, data)
        for image in data["images"]
    }


def scene_of(path, image, data):
    things = []
    for each in data["annotations"]:
        if each["image_id"] == image["id"]:
            x, y, width, height = each["bbox"]
            mask = Image.new("1", SIZE)
            points = np.reshape(each["segmentation"][0], (-1, 2))
            ImageDraw.Draw(mask).polygon(list(map(tuple, points)), 1)
            box = np.array([x, y, x + width, y + height], np.float32)
            things.append((each["category_id"], box, np.asarray(mask)))
    with Image.open(path) as file:
        return Scene(np.asarray(file.convert("RGB")), things)


@pytest.fixture(scope="module")
def imported(name, folder, drawings):
    """The model's name, imported from a file as its project writes it."""
    names = [f"thing {label}" for label in range(1, NUM_CLASSES)]
    (folder / "classes.txt").write_text("\n".join(names))
    write = write_matterport if name.startswith("matterport") else write_detectron2
    checkpoint, words = write(folder, KNOWN_PRESETS[name], drawings)
    run("model", "import", checkpoint, "--preset", name, "--classes", "classes.txt", *words)
    return "mine"


def write_matterport(folder, small, drawings):
    state = seeded_keras(small)
    # Anchors stay where they are, so that some lie on every thing.
    state["rpn_bbox_pred/kernel"] *= np.float32(0.05)
    weights, count, settings = fold_matterport(state, small)
    heads = fitted(weights, count, settings, drawings)
    with h5py.File(folder / "mine.h5", "w") as file:
        for key, array in with_matterport_heads(state, heads).items():
            layer, part = key.split("/")
            file[f"{layer}/{layer}/{part}:0"] = array
    config = f"NAME = 'shapes'\nIMAGE_MIN_DIM = {SIDE}\nIMAGE_MAX_DIM = {SIDE}\n"
    (folder / "config.toml").write_text(config)
    return "mine.h5", ["--config", "config.toml"]


def write_detectron2(folder, small, drawings):
    state = seeded_detectron2(small)
    weights, count, settings = fold_detectron2(state, small, "BGR", lambda _: None)
    heads = fitted(weights, count, settings, drawings)
    zoo = {"model": with_detectron2_heads(state, heads), "__author__": "Detectron2 Model Zoo"}
    (folder / "mine.pkl").write_bytes(pickle.dumps(zoo))
    config = f"MODEL:\n  RESNETS: {{DEPTH: 50}}\n  ROI_HEADS: {{NUM_CLASSES: {count - 1}}}\n"
    (folder / "mine.yaml").write_text(config)
    return "mine.pkl", []


def fitted(weights, count, settings, drawings):
    network = MaskRCNN(settings, count, weights)
    return fit_heads(network, preprocessing_of(settings), list(drawings.values()))


def run(*words):
    result = CliRunner().invoke(app, list(map(str, words)))
    assert result.exit_code == 0, result.output
    return result.output


# Of what detectron2-r50 with these weights finds, int8 shares 72 to 78 %; an export asks for 85.
REFUSED = pytest.mark.xfail(reason="int8 of fitted weights differs too much", strict=False)


@pytest.mark.parametrize("precision", [pytest.param("int8", marks=REFUSED), "float32"])
def test_what_is_in_a_photograph_is_found(imported, folder, drawings, precision, capsys):
    words = ["--float32"] if precision == "float32" else []
    golden = folder / "images/train-000.png"
    run("model", "export", imported, *words, "--calibration", "images", "--golden", golden)
    verified = run("model", "verify", imported, "--photos", "images")
    parity = json.loads((folder / f"models/{imported}/1/manifest.json").read_text())["parity"]
    with capsys.disabled():
        print(f"\n{verified}\n{json.dumps(parity)}")
    assert parity[precision]["detections"] >= 4

    run("detect", "images", "--model", imported, "--out", precision)
    for file_name, scene in drawings.items():
        result = folder / precision / file_name.removesuffix(".png") / "manifest.json"
        found = json.loads(result.read_text())["detections"]
        boxes = np.array([each["box"] for each in found], np.float32).reshape(-1, 4)
        names = [each["class_name"] for each in found]
        for label, box, mask in scene.things:
            overlaps = box_ious(box[None], boxes)[0]
            overlaps[[each != f"thing {label}" for each in names]] = 0
            assert overlaps.max() > 0.5, (file_name, label)
            area = found[int(overlaps.argmax())]["area"]
            assert 0.5 < area / mask.sum() < 1.5
