import pytest
from painting import photo

from handler.client.result_folder import write_file, write_result
from handler.detection.detector import Detector
from handler.errors import BrokenImage
from handler.schemas import Manifest, Options
from model.runtime.predictor import Predictor


@pytest.fixture(scope="module")
def detector(colour_model):
    return Detector(Predictor.load(colour_model, threads=1))


@pytest.fixture
def write(detector):
    """Write a result into a folder, with options."""
    return lambda folder, **options: write_result(
        detector.detect(photo(), Options(**options)), folder
    )


def listing(folder):
    return sorted(str(each.relative_to(folder)) for each in folder.rglob("*") if each.is_file())


def test_folder_holds_the_outputs_and_the_manifest(write, tmp_path):
    manifest = write(tmp_path / "out" / "beach")
    assert listing(tmp_path) == [
        "out/beach/instances/000-person.png",
        "out/beach/instances/001-cat.png",
        "out/beach/labels.png",
        "out/beach/manifest.json",
        "out/beach/overlay.jpg",
    ]
    text = (tmp_path / "out/beach/manifest.json").read_bytes()
    assert Manifest.model_validate_json(text) == manifest
    assert sorted([*manifest.outputs, "manifest.json"]) == listing(tmp_path / "out/beach")


def test_earlier_result_is_replaced_whole(write, tmp_path):
    write(tmp_path / "beach")
    write(tmp_path / "beach", outputs=("labels",))
    assert listing(tmp_path) == ["beach/labels.png", "beach/manifest.json"]


def test_folder_that_is_no_result_is_left_alone(write, tmp_path):
    (tmp_path / "beach").mkdir()
    (tmp_path / "beach/diary.txt").write_text("precious")
    with pytest.raises(FileExistsError, match="is not a result of Maskdrop; it is not changed"):
        write(tmp_path / "beach")
    assert listing(tmp_path) == ["beach/diary.txt"]


def test_failure_on_the_way_leaves_nothing_behind(detector, tmp_path):
    result = detector.detect(photo(800, 600, "JPEG"), Options(edges="plain"))
    # The overlay decodes the photograph once more, at full scale.
    result.photo.picture = result.photo.picture[:2000]
    with pytest.raises(BrokenImage, match="truncated"):
        write_result(result, tmp_path / "beach")
    assert list(tmp_path.iterdir()) == []


def test_file_is_written_whole_into_a_new_folder(tmp_path):
    write_file(b"[]", tmp_path / "out/coco.json")
    write_file(b"[1]", tmp_path / "out/coco.json")
    assert listing(tmp_path) == ["out/coco.json"]
    assert (tmp_path / "out/coco.json").read_bytes() == b"[1]"
