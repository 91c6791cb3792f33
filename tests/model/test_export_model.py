"""A version folder before and after its export."""

import shutil
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image
from seeded_weights import seeded_image, seeded_state_dict
from versions import write_version

from model.config import EDGE
from model.export.export_model import export_model
from model.runtime.errors import ExportError, WeightsMismatch
from model.runtime.manifest import ModelManifest
from model.runtime.predictor import Predictor
from model.weights.torchvision import fold

PHOTOGRAPHS = [seeded_image("landscape")]
BIAS = "roi_heads.box_predictor.cls_score.bias"


@pytest.fixture(scope="module")
def imported(tmp_path_factory):
    """A version with weights and a manifest alone, of one small bucket."""
    folder = tmp_path_factory.mktemp("models") / "seeded/1"
    weights, _ = fold(seeded_state_dict(EDGE), EDGE)
    write_version(folder, EDGE, weights, landscape=(192, 256), dtype=np.float16)
    return folder


@pytest.fixture(scope="module")
def exported(imported, tmp_path_factory):
    golden = tmp_path_factory.mktemp("photos") / "blocks.PNG"
    Image.fromarray(PHOTOGRAPHS[0]).save(golden)
    folder = imported.parent / "2"
    export_model(imported, PHOTOGRAPHS, precision="float32", golden=golden, to=folder)
    return folder


def test_every_file_is_recorded_with_its_digest(exported):
    manifest = ModelManifest.load(exported)
    present = {path.relative_to(exported).as_posix() for path in exported.rglob("*.*")}
    assert present == {*manifest.files, "manifest.json"}
    assert {"saved_model.pb", "model.tflite", "weights.npz", "golden.png"} <= present
    manifest.check_files(exported, *manifest.files)


def test_float_tflite_is_the_float_graph(exported):
    parity = ModelManifest.load(exported).parity["float32"]
    assert parity["detections"] > 0
    assert (parity["missed"], parity["extra"]) == (0, 0)
    assert parity["box_px_max"] < 0.05


@pytest.mark.parametrize("backend", ["litert", "saved_model"])
def test_either_artifact_detects_the_golden_image_as_recorded(exported, backend):
    predictor = Predictor.load(exported, backend, check_golden=True)
    assert predictor.manifest.golden.detections


@pytest.mark.slow
def test_one_artifact_is_replaced_and_the_rest_kept(exported, tmp_path):
    before = ModelManifest.load(exported)
    after = export_model(exported, artifacts=["saved_model"], to=tmp_path / "3")
    assert after.files["model.tflite"] == before.files["model.tflite"]
    assert (after.golden, after.parity) == (before.golden, before.parity)


@pytest.mark.slow
def test_a_network_that_finds_nothing_is_not_exported(imported, tmp_path):
    """Parity of nothing with nothing says nothing."""
    folder = tmp_path / "blind/1"
    shutil.copytree(imported, folder)
    with np.load(imported / "weights.npz") as archive:
        weights = dict(archive)
    weights[BIAS][0] += 1000
    write_version(folder, EDGE, weights, landscape=(192, 256))
    with pytest.raises(ExportError, match="finds anything in the 1 photographs"):
        export_model(folder, PHOTOGRAPHS, artifacts=["litert"], precision="float32")
    assert "model.tflite" not in ModelManifest.load(folder).files


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_weights_that_are_not_finite_are_named(imported, tmp_path, value):
    folder = tmp_path / "broken/1"
    with np.load(imported / "weights.npz") as archive:
        weights = dict(archive)
    weights[BIAS][0] = value
    write_version(folder, EDGE, weights, landscape=(192, 256))
    with pytest.raises(WeightsMismatch, match=r"NaN or infinity: .*bias"):
        export_model(folder, PHOTOGRAPHS, artifacts=["litert"], precision="float32")


@pytest.mark.slow
def test_an_interrupted_export_goes_on_behind_its_last_stage(imported, tmp_path, monkeypatch):
    folder = tmp_path / "stopped/1"
    shutil.copytree(imported, folder)
    said = []

    def interrupt(doing, done, total):
        said.append(doing)
        if doing.startswith("Comparing"):
            raise KeyboardInterrupt

    settings = {"artifacts": ["litert"], "precision": "float32"}
    with pytest.raises(KeyboardInterrupt):
        export_model(folder, PHOTOGRAPHS, report=interrupt, **settings)
    assert "Converting the network" in said
    assert (folder.parent / ".1-export/float.tflite").exists()

    monkeypatch.setattr("model.export.litert_export.to_litert", lambda model: pytest.fail("again"))
    export_model(folder, PHOTOGRAPHS, **settings)
    assert [each.name for each in folder.parent.iterdir()] == ["1"]


@pytest.mark.slow
def test_progress_ends_at_its_total(imported, tmp_path):
    seen = []
    shares = {"artifacts": ["litert"], "precision": "float32", "to": tmp_path / "seeded/1"}
    export_model(imported, PHOTOGRAPHS, report=lambda *each: seen.append(each), **shares)
    _, done, total = seen[-1]
    assert done == pytest.approx(total)


def test_refused_export_leaves_the_folder_as_it_was(imported, tmp_path):
    folder = tmp_path / "seeded/1"
    shutil.copytree(imported, folder)
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    with pytest.raises(ExportError, match=r"1 are given; at least 2 are needed for int8"):
        export_model(folder, PHOTOGRAPHS)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    assert [path.name for path in folder.parent.iterdir()] == ["1"]


@pytest.mark.slow
def test_saved_model_is_written_where_no_quantiser_is(imported, tmp_path):
    """As in the GPU image, by its command."""
    shutil.copytree(imported, tmp_path / "seeded/1")
    blocked = "import sys, runpy; sys.modules['ai_edge_quantizer'] = None; "
    run_module = "runpy.run_module('handler', run_name='__main__')"
    words = ["model", "export", str(tmp_path / "seeded/1"), "--no-litert"]
    subprocess.run([sys.executable, "-c", blocked + run_module, *words], check=True)
    assert "saved_model.pb" in ModelManifest.load(tmp_path / "seeded/1").files
