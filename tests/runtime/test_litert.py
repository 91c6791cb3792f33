import dataclasses
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
from painting import RED, painted

from model.runtime.errors import DigestMismatch, ManifestError
from model.runtime.manifest import FileRecord, ModelClass, ModelManifest
from model.runtime.predictor import Predictor


@pytest.fixture(scope="module")
def predictor(colour_model):
    return Predictor.load(colour_model, threads=1)


@pytest.mark.parametrize("size", [(256, 192), (192, 256), (256, 256), (640, 64)])
def test_things_are_found_where_they_are_painted(predictor, size):
    width, height = size
    box = (width // 4, height // 4, width // 2, height // 2)
    found = predictor.predict(painted(width, height, green=box), size)
    assert found.class_names == ("cat",)
    assert found.boxes[0] == pytest.approx(box, abs=width / 64)


def test_masks_of_more_things_than_one_call_computes(predictor):
    boxes = {"red": (0, 0, 40, 40), "green": (60, 0, 100, 40), "blue": (0, 50, 40, 90)}
    found = predictor.predict(painted(128, 96, **boxes), (128, 96))
    assert found.class_names == ("person", "cat", "dog")
    assert (found.raw_masks == 255).all()


def test_mask_has_the_thing_s_shape(predictor):
    pixels = painted(128, 96, red=(0, 0, 80, 80))
    pixels[40:80, 40:80] = 90
    found = predictor.predict(pixels, (128, 96))
    assert (found.raw_masks[0, :14, :14] == 255).all()
    assert (found.raw_masks[0, 14:, 14:] == 0).all()


def test_empty_picture_holds_nothing(predictor):
    assert len(predictor.predict(painted(1, 1), (1, 1))) == 0


def test_padding_is_no_part_of_the_photograph(colour_model):
    manifest = ModelManifest.load(colour_model)
    red_padding = dataclasses.replace(
        manifest, preprocessing=dataclasses.replace(manifest.preprocessing, pad=RED)
    )
    predictor = Predictor(red_padding, Predictor.load(colour_model)._backend)
    assert len(predictor.predict(painted(640, 64), (640, 64))) == 0


def test_threads_may_share_a_predictor(predictor):
    left, right = painted(128, 96, red=(0, 0, 40, 40)), painted(128, 96, blue=(80, 50, 120, 90))
    with ThreadPoolExecutor(4) as pool:
        found = pool.map(lambda pixels: predictor.predict(pixels, (128, 96)), [left, right] * 20)
        assert [each.class_names for each in found] == [("person",), ("dog",)] * 20


def test_other_network_file_is_refused(colour_model, tmp_path):
    folder = shutil.copytree(colour_model, tmp_path / "1")
    (folder / "model.tflite").write_bytes(b"not the network")
    with pytest.raises(DigestMismatch, match=r"model\.tflite has SHA-256"):
        Predictor.load(folder)


def test_missing_network_file_is_named(colour_model, tmp_path):
    folder = shutil.copytree(colour_model, tmp_path / "1")
    (folder / "model.tflite").unlink()
    with pytest.raises(ManifestError, match=r"model\.tflite is missing"):
        Predictor.load(folder)


def test_file_that_is_no_network_is_refused_whatever_its_digest(colour_model, tmp_path):
    folder = shutil.copytree(colour_model, tmp_path / "1")
    (folder / "model.tflite").write_bytes(b"not the network")
    manifest = ModelManifest.load(folder)
    files = manifest.files | {"model.tflite": FileRecord.of(folder / "model.tflite")}
    dataclasses.replace(manifest, files=files).save(folder)
    with pytest.raises(ManifestError, match="is not a LiteRT model"):
        Predictor.load(folder)


def test_bucket_that_the_network_lacks_is_refused(colour_model, tmp_path):
    folder = shutil.copytree(colour_model, tmp_path / "1")
    manifest = ModelManifest.load(folder)
    buckets = manifest.preprocessing.buckets | {"panorama": (32, 128)}
    preprocessing = dataclasses.replace(manifest.preprocessing, buckets=buckets)
    dataclasses.replace(manifest, preprocessing=preprocessing).save(folder)
    with pytest.raises(ManifestError, match="has no signature 'panorama'; it has landscape, "):
        Predictor.load(folder)


@pytest.mark.parametrize("names", [["person", "cat"], ["person", "cat", "dog", "cow"]])
def test_class_list_of_the_wrong_length_is_refused(colour_model, tmp_path, names):
    folder = shutil.copytree(colour_model, tmp_path / "1")
    classes = tuple(ModelClass(number, name) for number, name in enumerate(names, start=1))
    dataclasses.replace(ModelManifest.load(folder), classes=classes).save(folder)
    with pytest.raises(ManifestError, match=rf"lists {len(names)} classes; the network .* knows 3"):
        Predictor.load(folder)


PREDICT_AND_LIST_MODULES = """
import sys
import numpy as np
from pathlib import Path
from model.runtime.predictor import Predictor

found = Predictor.load(Path(sys.argv[1]), check_golden=True).predict(
    np.zeros((9, 9, 3), np.uint8), (9, 9)
)
print(*{name.partition(".")[0] for name in sys.modules})
"""


def test_predicting_loads_no_framework(colour_model):
    command = [sys.executable, "-c", PREDICT_AND_LIST_MODULES, str(colour_model)]
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    loaded = run.stdout.split()
    assert {"model", "numpy", "ai_edge_litert"} <= set(loaded)
    heavy = {"tensorflow", "torch", "boto3", "fastapi", "typer", "handler"}
    assert not heavy & set(loaded)
