from __future__ import annotations

import io
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageOps
from shapes import DISC, SIZE, SQUARE, draw_shapes, write_json
from typer.testing import CliRunner

from handler.commands.main import app
from model.runtime.errors import DataError
from model.training.check_data import DataReport, check_data
from model.training.checks.records import read_data_set

WIDTH, HEIGHT = SIZE
Data = dict[str, Any]


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """Twenty photographs, and their annotations as JSON."""
    images = tmp_path_factory.mktemp("shapes") / "images"
    return images, json.dumps(draw_shapes(images, 20))


@pytest.fixture
def data(drawn: tuple[Path, str], tmp_path: Path) -> Data:
    """Annotations without a fault, whose photographs are copied to `tmp_path`."""
    shutil.copytree(drawn[0], tmp_path / "images")
    loaded: Data = json.loads(drawn[1])
    return loaded


@pytest.fixture
def check(tmp_path: Path) -> Callable[..., DataReport]:
    """Check annotations for training, and others for validation, of the same photographs."""

    def check(*sets: Data) -> DataReport:
        files = [write_json(tmp_path / f"{n}.json", each) for n, each in enumerate(sets)]
        return check_data(*(read_data_set(file, tmp_path / "images") for file in files))

    return check


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Run `maskdrop model check-data` beside the photographs, on a wide terminal."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "160")
    return lambda *words: CliRunner().invoke(app, ["model", "check-data", *words])


def found(report: DataReport) -> list[tuple[str, Any, Any]]:
    """Rule, image and annotation of each finding."""
    return [(each.rule.name, each.image_id, each.annotation_id) for each in report.findings]


def test_set_without_a_fault_is_clean(data: Data, check):
    assert check(data).findings == ()


def rectangle(x: float, y: float, w: float, h: float) -> list[list[float]]:
    return [[x, y, x + w, y, x + w, y + h, x, y + h]]


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({"category_id": 9}, "unknown-category"),
        ({"image_id": 99}, "unknown-image"),
        ({"bbox": [10, 10, 0, 20], "segmentation": []}, "box-empty"),
        ({"bbox": [80, 10, 40, 20], "segmentation": []}, "box-outside"),
        ({"bbox": [-5, 10, 40, 20], "segmentation": []}, "box-outside"),
        ({"bbox": [10, 10, 20]}, "malformed-record"),
        ({"bbox": [10, 10, 20, float("nan")]}, "malformed-record"),
        ({"id": None}, "malformed-record"),
        ({"segmentation": [[10, 10, 30, 30]]}, "mask-invalid"),
        ({"segmentation": [[10, 10, 30, 30, 20]]}, "mask-invalid"),
        ({"segmentation": [[10, 10, 30, 30, 20, "5"]]}, "mask-invalid"),
        ({"segmentation": [[10, 10, 30, 30, 1e9, 5]]}, "mask-invalid"),
        ({"segmentation": [[10, 10, 30, 30, float("nan"), 5]]}, "mask-invalid"),
        ({"segmentation": "10 10 30 30"}, "mask-invalid"),
        ({"segmentation": {"size": [WIDTH, HEIGHT], "counts": [9]}}, "mask-invalid"),
        ({"segmentation": {"size": [HEIGHT, WIDTH], "counts": [9, 9]}}, "mask-invalid"),
        ({"segmentation": {"size": [HEIGHT, WIDTH], "counts": "0"}}, "mask-invalid"),
        ({"segmentation": {"size": [HEIGHT, WIDTH], "counts": "é"}}, "mask-invalid"),
        ({"segmentation": {"size": [HEIGHT, WIDTH], "counts": "P"}}, "mask-invalid"),
        ({"segmentation": {"size": [HEIGHT, WIDTH], "counts": [WIDTH * HEIGHT]}}, "mask-empty"),
        ({"segmentation": [[10, 10, 30, 30, 20, 20]]}, "mask-empty"),
        ({"bbox": [1, 1, 20, 20], "segmentation": rectangle(60, 40, 20, 20)}, "mask-off-box"),
    ],
)
def test_fault_of_an_annotation_is_named_with_its_id(data: Data, check, change: Data, rule: str):
    data["annotations"].append(dict(data["annotations"][0], id=41, image_id=3) | change)

    (finding,) = check(data).findings

    assert finding.rule.name == rule
    assert finding.annotation_id == (41 if "id" not in change else None)
    assert finding.image_id == change.get("image_id", 3)


@pytest.mark.parametrize(
    "segmentation",
    [
        rectangle(10, 10, 20, 20),
        # A sliver that is no mask's part moves no box.
        [*rectangle(10, 10, 20, 20), [70, 60, 71, 60, 72, 60]],
        {"size": [HEIGHT, WIDTH], "counts": [10 * HEIGHT + 10, 20, 52, 20, 52, 20, 52, 20, 5946]},
        None,
    ],
)
def test_object_without_a_fault_is_clean(data: Data, check, segmentation: object):
    tall = {"bbox": [10, 10, 4, 20]} if isinstance(segmentation, dict) else {}
    fine = {"id": 41, "image_id": 3, "category_id": DISC, "bbox": [10, 10, 20, 20]}
    data["annotations"].append(fine | tall | {"segmentation": segmentation})

    assert check(data).findings == ()


@pytest.mark.parametrize(
    ("part", "id_", "expected"),
    [
        ("images", 3, ("duplicate-id", 3, None)),
        ("annotations", 5, ("duplicate-id", None, 5)),
        ("categories", SQUARE, ("duplicate-id", None, None)),
    ],
)
def test_id_used_twice_is_found(data: Data, check, part: str, id_: int, expected: object):
    data[part].append(next(each for each in data[part] if each["id"] == id_))

    assert expected in found(check(data))


def test_two_classes_of_one_name_are_found(data: Data, check):
    data["categories"].append({"id": 3, "name": "Disc"})

    assert [rule for rule, *_ in found(check(data))].count("duplicate-class") == 2


def test_labelled_class_that_is_not_listed_is_found(data: Data, check):
    data["images"][6]["labeled_category_ids"] = [DISC, 77]

    (finding,) = check(data).findings

    assert finding.rule.name == "unknown-labeled-category"
    assert finding.where.endswith("train-006.png (image 7)")


def test_missing_file_is_named(data: Data, check, tmp_path: Path):
    (tmp_path / "images" / "train-004.png").unlink()

    (finding,) = check(data).findings

    assert (finding.rule.name, finding.photograph) == ("missing-file", "train-004.png")
    assert str(tmp_path / "images" / "train-004.png") in finding.says


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_truncated_file_is_found(data: Data, check, tmp_path: Path, kind: str):
    whole = io.BytesIO()
    with Image.open(tmp_path / "images" / "train-004.png") as picture:
        picture.save(whole, kind)
    (tmp_path / "images" / "train-004.png").write_bytes(whole.getvalue()[: whole.tell() * 2 // 3])

    assert found(check(data)) == [("unreadable-file", 5, None)]


@pytest.mark.parametrize("content", [b"", b"not a photograph", b"\x89PNG\r\n\x1a\n"])
def test_file_that_is_no_photograph_is_found(data: Data, check, tmp_path: Path, content: bytes):
    (tmp_path / "images" / "train-004.png").write_bytes(content)

    assert found(check(data)) == [("unreadable-file", 5, None)]


def test_photograph_of_another_size_is_found(data: Data, check, tmp_path: Path):
    path = tmp_path / "images" / "train-004.png"
    with Image.open(path) as picture:
        larger = picture.resize((WIDTH * 2, HEIGHT * 2))
    larger.save(path)

    (finding,) = check(data).findings

    assert (finding.rule.name, finding.image_id) == ("other-size", 5)
    assert finding.says == "96×72 is stated; the file's is 192×144"


def test_photograph_on_its_side_is_found(data: Data, check, tmp_path: Path):
    path = tmp_path / "images" / "train-004.png"
    with Image.open(path) as picture:
        exif = picture.getexif()
        exif[0x0112] = 6
        picture.save(path, exif=exif)

    assert found(check(data)) == [("sideways", 5, None)]


def copy(tmp_path: Path, data: Data, change: Callable[[Image.Image], Image.Image]) -> Data:
    """Annotations of one photograph, a changed copy of the training set's fifth."""
    with Image.open(tmp_path / "images" / "train-004.png") as picture:
        change(picture).save(tmp_path / "images" / "copy.jpg", quality=70)
    objects = [each for each in data["annotations"] if each["image_id"] == 5]
    image = dict(data["images"][4], file_name="copy.jpg")
    return data | {"images": [image], "annotations": objects}


def brighter(picture: Image.Image) -> Image.Image:
    return picture.point(lambda value: min(value * 1.15, 255))


@pytest.mark.parametrize("change", [Image.Image.copy, ImageOps.mirror, brighter])
def test_copy_in_the_validation_set_is_a_leak(data: Data, check, tmp_path: Path, change):
    (finding,) = check(data, copy(tmp_path, data, change)).findings

    assert (finding.rule.name, finding.rule.level) == ("leak", "error")
    assert "shows the same as train-004.png (image 5)" in finding.says


def test_same_file_in_both_sets_is_a_leak(data: Data, check):
    report = check(data, data | {"images": data["images"][:3], "annotations": data["annotations"]})

    leaks = [each for each in report.findings if each.rule.name == "leak"]
    assert [each.image_id for each in leaks] == [1, 2, 3]
    assert "is the same file as train-000.png" in leaks[0].says


def test_photograph_twice_in_one_set_is_a_warning(data: Data, check, tmp_path: Path):
    copied = copy(tmp_path, data, Image.Image.copy)["images"][0]
    data["images"].append(copied | {"id": 21})

    report = check(data)

    assert found(report) == [("duplicate-photograph", 21, None)]
    assert report.count("error") == 0


def test_other_photographs_are_no_leak(data: Data, check, tmp_path: Path):
    assert check(data, draw_shapes(tmp_path / "images", 5, "val")).findings == ()


def test_class_that_has_another_name_in_the_validation_set_is_found(
    data: Data, check, tmp_path: Path
):
    val = draw_shapes(tmp_path / "images", 5, "val")
    val["categories"] = [{"id": DISC, "name": "square"}, {"id": SQUARE, "name": "disc"}]

    assert [rule for rule, *_ in found(check(data, val))] == ["other-classes"] * 2


def test_class_that_validation_lacks_is_found(data: Data, check, tmp_path: Path):
    val = draw_shapes(tmp_path / "images", 5, "val")
    val["annotations"] = [each for each in val["annotations"] if each["category_id"] == DISC]

    (finding,) = check(data, val).findings

    assert finding.rule.name == "not-scored"
    assert "square (category 2)" in finding.says


def test_classes_with_few_or_no_objects_are_found(data: Data, check):
    data["categories"].append({"id": 3, "name": "star"})
    data["annotations"].pop()

    report = check(data)

    assert [each.rule.name for each in report.findings] == ["unused-class", "few-objects"]
    assert "has 19; at least 20 are needed" in report.findings[1].says


def test_rare_class_is_found(data: Data, check):
    box = {"image_id": 1, "category_id": DISC, "bbox": [1, 1, 9, 9]}
    data["annotations"] += [box | {"id": id_} for id_ in range(100, 1100)]

    (finding,) = check(data).findings

    assert finding.rule.name == "imbalance"
    assert finding.says == "square (category 2) has 20; disc has 1,020"


def test_crowds_are_not_counted(data: Data, check):
    for each in data["annotations"]:
        each["iscrowd"] = 1

    assert "no-objects" in [rule for rule, *_ in found(check(data))]


def test_set_of_boxes_alone_is_a_warning(data: Data, check):
    for each in data["annotations"]:
        del each["segmentation"]

    assert found(check(data)) == [("no-masks", None, None)]


def test_set_of_nothing_is_an_error(check):
    report = check({"images": [], "annotations": [], "categories": []})

    assert [rule for rule, *_ in found(report)] == ["no-objects"]
    assert report.count("error") == 1


@pytest.mark.parametrize("text", ["", "{", "[]", '{"images": []}', '{"images": {}}', "[" * 100_000])
def test_file_that_is_not_cocos_is_refused(tmp_path: Path, text: str):
    path = tmp_path / "train.json"
    path.write_text(text)

    with pytest.raises(DataError, match=r"train\.json"):
        read_data_set(path, tmp_path)


@pytest.mark.parametrize("record", [None, 7, [], {}, {"id": []}, {"id": 1, "file_name": "\0"}])
def test_record_of_any_kind_is_named_by_its_place(data: Data, check, record: object):
    data["images"].append(record)

    (finding,) = check(data).findings

    assert finding.rule.name == "malformed-record"
    assert finding.says.startswith("images[20]")


def test_file_name_that_no_file_can_have_is_missing(data: Data, check):
    data["images"].append(dict(data["images"][0], id=21, file_name="a\0b.png"))

    assert found(check(data)) == [("missing-file", 21, None)]


def test_command_ends_with_0_when_all_is_well(data: Data, run, tmp_path: Path):
    write_json(tmp_path / "train.json", data)
    answer = run("train.json", "--images", "images")

    assert answer.exit_code == 0, answer.output
    assert "train.json: 20 photographs, 40 objects of 2 classes" in answer.output


def test_command_says_where_and_gives_the_cure(data: Data, run, tmp_path: Path):
    for each in data["annotations"]:
        each["bbox"][2] = -1
    write_json(tmp_path / "train.json", data)
    answer = run("train.json")

    assert answer.exit_code == 1
    assert "40  error: boxes without an area" in answer.output
    assert "COCO's boxes are x, y, width, height" in answer.output
    assert "train.json, train-000.png (image 1), annotation 1: bbox [" in answer.output
    assert answer.output.count("annotation ") == 3


def test_warnings_alone_end_with_0(data: Data, run, tmp_path: Path):
    data["categories"].append({"id": 3, "name": "star"})
    write_json(tmp_path / "train.json", data)
    answer = run("train.json")

    assert answer.exit_code == 0
    assert "0 errors, 1 warning\n" in answer.output


def test_every_finding_is_in_the_json(data: Data, run, tmp_path: Path):
    for each in data["annotations"]:
        each["bbox"][2] = -1
    val = draw_shapes(tmp_path / "others", 5, "val")
    write_json(tmp_path / "train.json", data)
    write_json(tmp_path / "val.json", val)
    words = ["train.json", "--images", "images", "--val", "val.json", "--val-images", "others"]
    answer = json.loads(run(*words, "--json").stdout)

    assert answer["errors"] == len(answer["findings"]) == 40
    assert answer["findings"][2]["annotation_id"] == 3
    assert answer["data"][1] == {
        "file": "val.json",
        "photographs": 5,
        "objects": {"disc": 5, "square": 5},
    }


def test_folder_that_is_not_there_is_refused(data: Data, run, tmp_path: Path):
    write_json(tmp_path / "train.json", data)

    assert run("train.json", "--images", "nowhere").exit_code == 2
