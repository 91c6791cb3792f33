import dataclasses
import io
import json
from typing import get_args

import numpy as np
import pytest
from painting import encoded, painted, photo
from PIL import Image

from handler.detection import detector
from handler.detection.detector import Detector
from handler.detection.outputs import render
from handler.schemas import Options, OutputName
from model.runtime.manifest import ModelClass
from model.runtime.postprocess import paste_mask
from model.runtime.predictor import Predictor
from model.runtime.rle import decode_rle


@pytest.fixture(scope="module")
def predictor(colour_model):
    return Predictor.load(colour_model, threads=1)


@pytest.fixture
def files(predictor):
    """Render a photograph's outputs by name."""

    def render_all(*outputs, data=None):
        return dict(render(Detector(predictor).detect(data or photo(), Options(outputs=outputs))))

    return render_all


def picture(data):
    return Image.open(io.BytesIO(data))


def test_every_instance_is_a_one_bit_mask_of_the_whole_frame(files):
    made = files("instances")
    assert sorted(made) == ["instances/000-person.png", "instances/001-cat.png"]
    mask = picture(made["instances/000-person.png"])
    assert (mask.mode, mask.size) == ("1", (128, 96))
    assert mask.getpixel((40, 36))
    assert not mask.getpixel((100, 80))


def test_labels_number_the_instances(files):
    labels = picture(files("labels")["labels.png"])
    assert labels.mode == "P"
    assert [labels.getpixel(at) for at in ((2, 2), (40, 36), (100, 80))] == [0, 1, 2]


def test_overlay_is_the_photograph_upright(files):
    overlay = picture(files("overlay")["overlay.jpg"])
    assert (overlay.format, overlay.size) == ("JPEG", (128, 96))


def test_the_photograph_itself_is_an_upright_jpeg_without_drawings(files):
    turned = encoded(painted(96, 128, red=(10, 10, 40, 40)), "PNG", exif=_orientation(6))
    made = picture(files("photo", data=turned)["photo.jpg"])
    assert (made.format, made.size) == ("JPEG", (128, 96))
    # What was stored at the top left is at the top right of the upright photograph.
    red, green, blue = made.getpixel((128 - 25, 25))
    assert red > 150 > green + blue


def _orientation(value):
    exif = Image.Exif()
    exif[0x0112] = value
    return exif


def test_cutouts_show_the_instance_alone(files):
    made = files("cutouts")
    assert sorted(made) == ["cutouts/000-person.png", "cutouts/001-cat.png"]
    cutout = picture(made["cutouts/000-person.png"])
    assert cutout.mode == "RGBA"
    assert cutout.getpixel((20, 10)) == (220, 30, 30, 255)


def test_rle_and_polygons_list_every_instance(files):
    made = files("rle", "polygons")
    rle, polygons = (json.loads(made[name]) for name in ("rle.json", "polygons.json"))
    assert [each["class_name"] for each in rle] == [each["class_name"] for each in polygons]
    assert decode_rle(rle[0]["rle"])[36, 40]
    assert len(polygons[0]["polygons"][0]["outer"]) >= 3


def test_nothing_found_still_makes_the_pictures(files):
    grey = encoded(painted(64, 64))
    made = files("instances", "labels", "overlay", "cutouts", "rle", data=grey)
    assert list(made) == ["labels.png", "overlay.jpg", "rle.json"]
    assert not np.asarray(picture(made["labels.png"])).any()
    assert json.loads(made["rle.json"]) == []


def test_output_named_twice_is_made_once(predictor):
    result = Detector(predictor).detect(photo(), Options(outputs=("labels", "labels")))
    assert [name for name, _ in render(result)] == ["labels.png"]


def test_every_mask_is_pasted_once_whatever_is_made_of_it(predictor, monkeypatch):
    pasted = []

    def paste(raw_mask, *where):
        pasted.append(raw_mask.tobytes())
        return paste_mask(raw_mask, *where)

    monkeypatch.setattr(detector, "paste_mask", paste)
    result = Detector(predictor).detect(photo(), Options(outputs=get_args(OutputName)))
    names = [name for name, _ in render(result)]
    manifest = result.manifest(names)
    assert len(names) == 2 * len(result.detections) + 5
    assert sum(mask.area for mask in result.masks()) == sum(e.area for e in manifest.detections)
    assert len(pasted) == len(result.detections) == 2


def test_of_overlapping_instances_the_best_is_on_top_of_the_labels(predictor):
    result = Detector(predictor).detect(photo(), Options(outputs=("labels",)))
    # The worse instance covers the better one, and is larger: it is drawn first.
    boxes = np.array([[16, 24, 64, 48], [0, 0, 128, 96]], np.float32)
    masks = np.full_like(result.detections.raw_masks, 255)
    result.detections = dataclasses.replace(result.detections, boxes=boxes, raw_masks=masks)
    labels = picture(dict(render(result))["labels.png"])
    assert [labels.getpixel(at) for at in ((5, 5), (40, 36))] == [2, 1]


def test_class_names_cannot_leave_the_folder(predictor):
    classes = (ModelClass(1, "../cell phone"), ModelClass(2, "!!"), ModelClass(3, "dog"))
    manifest = dataclasses.replace(predictor.manifest, classes=classes)
    renamed = Predictor(manifest, predictor._backend)
    result = Detector(renamed).detect(photo(), Options(outputs=("instances",)))
    assert sorted(dict(render(result))) == [
        "instances/000-cell-phone.png",
        "instances/001-object.png",
    ]
