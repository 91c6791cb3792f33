"""`maskdrop data import`: what each tool writes, and what is wrong with it."""

from __future__ import annotations

import io
import json
from base64 import b64encode
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from pycocotools import mask as coco_mask
from typer.testing import CliRunner

from handler.commands.main import app
from model.data.brush import decode_brush
from model.data.convert import convert
from model.data.file_names import PhotoFiles
from model.runtime.errors import DataError

W, H = 200, 100


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "images").mkdir()
    Image.new("RGB", (W, H)).save(tmp_path / "images/cat.png")
    return tmp_path


def write(path: Path, content: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def read(source: str, path: Path, **more: Any) -> dict[str, Any]:
    given = {"images": None, "like": None, "split": "train"} | more
    return convert(source, path, **given).coco


def notes(source: str, path: Path) -> dict[str, int]:
    return dict(convert(source, path, None, None, "train").notes)


# ---- Label Studio ------------------------------------------------------------------------------


def region(kind: str, value: dict[str, Any], id_: str = "r1", **more: Any) -> dict[str, Any]:
    return {
        "id": id_, "type": kind, "from_name": "x", "to_name": "image", "value": value,
        "original_width": W, "original_height": H, "image_rotation": 0,
    } | more  # fmt: skip


def task(*results: dict[str, Any], image: str = "/data/upload/1/0f3a1b2c-cat.png") -> Any:
    return {"id": 7, "data": {"image": image}, "annotations": [{"id": 1, "result": [*results]}]}


SQUARE = {"x": 10.0, "y": 20.0, "width": 25.0, "height": 50.0, "rotation": 0}
TRIANGLE = {"points": [[0, 0], [50, 0], [0, 50]], "closed": True}


def test_label_studios_rectangles_and_polygons_are_percent(folder: Path) -> None:
    path = write(folder / "export.json", [task(
        region("rectanglelabels", SQUARE | {"rectanglelabels": ["cat"]}),
        region("polygonlabels", TRIANGLE | {"polygonlabels": ["dog"]}, "r2"),
    )])  # fmt: skip
    coco = read("labelstudio", path)
    square, triangle = coco["annotations"]
    assert square["bbox"] == [20, 20, 50, 50]
    assert "segmentation" not in square
    assert triangle["segmentation"] == [[0, 0, 100, 0, 0, 50]]
    assert triangle["area"] == pytest.approx(2500, abs=60)
    assert [each["name"] for each in coco["categories"]] == ["cat", "dog"]
    assert coco["images"] == [{"id": 1, "file_name": "cat.png", "width": W, "height": H}]


def test_a_turned_rectangle_becomes_an_outline(folder: Path) -> None:
    """By 90° about its upper left corner, in pixels: down, and to the left."""
    value = {"x": 50, "y": 20, "width": 20, "height": 10, "rotation": 90}
    path = write(folder / "e.json", [task(region("rectangle", value), region(
        "labels", value | {"labels": ["cat"]}))])  # fmt: skip
    [found] = read("labelstudio", path)["annotations"]
    assert found["segmentation"] == [[100, 20, 100, 60, 90, 60, 90, 20]]


def test_a_class_may_stand_beside_its_region_as_a_choice(folder: Path) -> None:
    path = write(folder / "e.json", [task(
        region("rectangle", SQUARE), region("choices", {"choices": ["cat"]}),
    )])  # fmt: skip
    assert read("labelstudio", path)["categories"] == [{"id": 1, "name": "cat"}]


def test_choices_about_the_whole_photograph_are_told(folder: Path) -> None:
    whole = {"id": "c", "type": "choices", "value": {"choices": ["outdoors"]}}
    path = write(folder / "e.json", [task(whole)])
    assert read("labelstudio", path)["annotations"] == []
    assert notes("labelstudio", path) == {"choices and texts about whole photographs": 1}


def test_of_several_annotations_the_newest_valid_one_counts(folder: Path) -> None:
    def one(label: str, at: str, **more: Any) -> Any:
        entry = region("rectanglelabels", SQUARE | {"rectanglelabels": [label]})
        return {"result": [entry], "updated_at": at} | more

    many = task() | {"annotations": [
        one("old", "2026-01-01"), one("new", "2026-02-01"),
        one("cancelled", "2026-03-01", was_cancelled=True),
    ]}  # fmt: skip
    path = write(folder / "e.json", [many])
    assert read("labelstudio", path)["categories"][0]["name"] == "new"
    many["annotations"][0]["ground_truth"] = True
    write(path, [many])
    assert read("labelstudio", path)["categories"][0]["name"] == "old"


def test_tasks_that_nobody_annotated_are_no_photographs_without_objects(folder: Path) -> None:
    unseen = {"id": 8, "data": {"image": "x.png"}, "annotations": []}
    path = write(folder / "e.json", [task(), unseen])
    assert len(read("labelstudio", path)["images"]) == 1
    assert notes("labelstudio", path) == {"tasks that nobody annotated": 1}


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({}, "no list of tasks"),
        ([{"id": 3, "image": "cat.png"}], "task 3 has no annotations; .* not as JSON-MIN"),
        ([task(region("rectangle", SQUARE))], "region r1 has 0 classes; one is expected"),
        ([task(region("rectanglelabels", SQUARE | {"rectanglelabels": ["a", "b"]}))],
         r"2 classes \(a, b\)"),
        ([task(region("rectanglelabels", SQUARE | {"x": "ten", "rectanglelabels": ["a"]}))],
         "x is 'ten'; a number is expected"),
        ([task(region("polygonlabels", {"points": [[1, 2]], "polygonlabels": ["a"]}))],
         "has 1 points; 3 are the fewest"),
        ([task(region("rectanglelabels", SQUARE, original_width=0))], "original_width is 0"),
        ([task(region("rectanglelabels", SQUARE, image_rotation=90))], "turned by 90°"),
        ([task(region("brushlabels", {"rle": [1, 2, 3], "brushlabels": ["a"]}))],
         "run lengths are not those of 200×100"),
        ([task(region("brushlabels", {"rle": [999], "brushlabels": ["a"]}))], "run lengths"),
        ([task(), task()], "are both of cat.png|task 7"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_an_export(content: Any, words: str, folder: Path) -> None:
    if isinstance(content, list) and len(content) == 2:
        content[1] = content[1] | {"id": 9}
    with pytest.raises(DataError, match=words):
        read("labelstudio", write(folder / "e.json", content))


@given(st.lists(st.integers(0, 255), max_size=60))
def test_a_brush_of_any_bytes_is_read_or_refused(data: list[int]) -> None:
    with suppress(DataError):
        assert decode_brush(data, 5, 4, "here").shape == (4, 5)


# ---- CVAT --------------------------------------------------------------------------------------

XML = """<annotations><version>1.1</version>
<meta><task><labels><label><name>dog</name></label><label><name>cat</name></label></labels></task></meta>
<image id="0" name="images\\cat.png" width="200" height="100">
{shapes}
</image></annotations>"""


def cvat(folder: Path, shapes: str) -> Path:
    return write(folder / "annotations.xml", XML.format(shapes=shapes))


def test_cvats_masks_are_runs_within_their_box(folder: Path) -> None:
    """3 × 2 pixels at (10, 20): unset, set, set / set, unset, unset."""
    shape = '<mask label="cat" rle="1, 3, 2" left="10" top="20" width="3" height="2"/>'
    coco = read("cvat", cvat(folder, shape))
    [found] = coco["annotations"]
    assert found["bbox"] == [10, 20, 3, 2]
    packed = dict(found["segmentation"], counts=found["segmentation"]["counts"].encode())
    assert coco_mask.decode(packed)[20:22, 10:13].tolist() == [[0, 1, 1], [1, 0, 0]]
    # The task's labels keep their order, used or not.
    assert [each["name"] for each in coco["categories"]] == ["dog", "cat"]
    assert coco["images"][0]["file_name"] == "cat.png"


def test_cvats_boxes_and_polygons(folder: Path) -> None:
    shapes = (
        '<box label="dog" xtl="1.5" ytl="2" xbr="11.5" ybr="12"/>'
        '<polygon label="cat" points="0,0;50,0;50.5,40"/><polyline label="cat" points="0,0;1,1"/>'
    )
    box, polygon = read("cvat", cvat(folder, shapes))["annotations"]
    assert box["bbox"] == [1.5, 2, 10, 10]
    assert polygon["segmentation"] == [[0, 0, 50, 0, 50.5, 40]]


@pytest.mark.parametrize(
    ("shape", "words"),
    [
        ('<mask label="cat" rle="1, 3" left="0" top="0" width="3" height="2"/>', "cover 4 pixels"),
        ('<mask label="cat" rle="x" left="0" top="0" width="3" height="2"/>', "rle is 'x'"),
        ('<box label="cat" xtl="1" ytl="2" xbr="nan" ybr="3"/>', "xbr is 'nan'"),
        ('<polygon label="cat" points="0,0;5,5"/>', "three or more"),
        ('<box xtl="1" ytl="2" xbr="4" ybr="3"/>', "label is None"),
        ("<sphere/>", "<sphere>"),
    ],
)
def test_what_is_wrong_with_cvats_xml(shape: str, words: str, folder: Path) -> None:
    with pytest.raises(DataError, match=words):
        read("cvat", cvat(folder, shape))


def test_a_video_is_told_apart(folder: Path) -> None:
    path = write(folder / "v.xml", "<annotations><track id='0'/></annotations>")
    with pytest.raises(DataError, match="CVAT for images"):
        read("cvat", path)


# ---- COCO of CVAT and Roboflow -----------------------------------------------------------------


def coco_file(**change: Any) -> dict[str, Any]:
    return {
        "images": [{"id": 0, "file_name": "cat.png", "width": W, "height": H}],
        "annotations": [
            {
                "id": 1, "image_id": 0, "category_id": 1, "iscrowd": 1, "bbox": [0, 0, 10, 10],
                "segmentation": {"size": [H, W], "counts": [0, 10, W * H - 10]},
            }
        ],
        "categories": [{"id": 1, "name": "cat"}],
    } | change  # fmt: skip


def test_a_mask_of_cvat_is_an_object_and_one_of_coco_a_crowd(folder: Path) -> None:
    path = write(folder / "c.json", coco_file())
    assert read("cvat", path)["annotations"][0]["iscrowd"] == 0
    assert read("coco", path)["annotations"][0]["iscrowd"] == 1
    assert read("coco", path)["annotations"][0]["area"] == 10


def test_roboflows_root_class_goes_and_the_others_keep_their_ids(folder: Path) -> None:
    categories = [
        {"id": 0, "name": "my-project", "supercategory": "none"},
        {"id": 1, "name": "cat", "supercategory": "my-project"},
        {"id": 2, "name": "dog", "supercategory": "my-project"},
    ]
    path = write(folder / "_annotations.coco.json", coco_file(categories=categories))
    assert read("coco", path)["categories"] == [{"id": 1, "name": "cat"}, {"id": 2, "name": "dog"}]
    assert notes("coco", path) == {"the root class 'my-project', which has no object": 1}


def test_a_class_of_that_place_with_objects_stays(folder: Path) -> None:
    categories = [
        {"id": 1, "name": "animal", "supercategory": "none"},
        {"id": 2, "name": "cat", "supercategory": "animal"},
    ]
    path = write(folder / "c.json", coco_file(categories=categories))
    assert len(read("coco", path)["categories"]) == 2


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"images": None}, "images is None"),
        ({"categories": []}, "category 1, which is not listed"),
        ({"images": []}, "image 0, which is not listed"),
        ({"annotations": [{"id": 4, "image_id": 0, "category_id": 1, "bbox": [1, 2]}]}, "has 2"),
        ({"annotations": [{"id": 4, "image_id": 0, "category_id": 1, "segmentation": [[1, 2]]}]},
         "annotation 4: an outline has 2 numbers"),
        ({"annotations": [{"id": 4, "image_id": 0, "category_id": 1,
                           "segmentation": {"size": [W, H], "counts": [1]}}]}, "size is"),
        ({"annotations": [{"id": 4, "image_id": 0, "category_id": 1,
                           "segmentation": {"size": [H, W], "counts": [1]}}]}, "cover 1 pixels"),
        ({"annotations": [{"id": 4, "image_id": 0, "category_id": 1,
                           "segmentation": {"size": [H, W], "counts": "zzz"}}]}, "annotation 4"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_coco_file(change: Any, words: str, folder: Path) -> None:
    with pytest.raises(DataError, match=words):
        read("coco", write(folder / "c.json", coco_file(**change)))


# ---- LabelMe -----------------------------------------------------------------------------------


def labelme(folder: Path, *shapes: dict[str, Any], **change: Any) -> Path:
    content = {"imagePath": "..\\images\\cat.png", "imageWidth": W, "imageHeight": H}
    write(folder / "json/cat.json", content | {"shapes": [*shapes]} | change)
    return folder / "json"


def shape(kind: str, points: list[Any], **more: Any) -> dict[str, Any]:
    return {"label": "cat", "shape_type": kind, "points": points} | more


def test_labelmes_shapes(folder: Path) -> None:
    png = io.BytesIO()
    Image.fromarray(np.array([[0, 255], [255, 255]], np.uint8)).save(png, "PNG")
    path = labelme(
        folder,
        shape("rectangle", [[30, 40], [10, 20]]),
        shape("polygon", [[0, 0], [50, 0], [0, 50]], group_id=4),
        shape("polygon", [[100, 0], [150, 0], [100, 50]], group_id=4),
        shape("circle", [[100, 50], [100, 60]]),
        shape("mask", [[5, 6], [6, 7]], mask=b64encode(png.getvalue()).decode()),
        shape("point", [[1, 1]]),
    )
    coco = read("labelme", path, images=folder / "images")
    box, group, circle, mask = coco["annotations"]
    assert box["bbox"] == [10, 20, 20, 20]
    assert len(group["segmentation"]) == 2
    assert circle["area"] == pytest.approx(np.pi * 100, rel=0.06)
    assert (mask["bbox"], mask["area"]) == ([5, 6, 2, 2], 3)
    assert coco["images"][0]["file_name"] == "cat.png"


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        (shape("polygon", [[0, 0], [1, 1]]), "polygon has 2 points; 3 or more"),
        (shape("mask", [[0, 0], [1, 1]], mask="%%"), "no PNG in base64"),
        (shape("cone", [[0, 0]]), "'cone'"),
        (shape("polygon", [[0, 0, 0]]), "has 3 numbers"),
        (shape("polygon", [[0, 0], [1, 1], [2, 0]], label=""), "label is ''"),
    ],
)
def test_what_is_wrong_with_labelmes_file(bad: Any, words: str, folder: Path) -> None:
    with pytest.raises(DataError, match=words):
        read("labelme", labelme(folder, bad))


def test_a_folder_without_labelmes_files(folder: Path) -> None:
    with pytest.raises(DataError, match="no JSON file of LabelMe"):
        read("labelme", folder)


# ---- YOLO --------------------------------------------------------------------------------------


def yolo(folder: Path, lines: str, **change: Any) -> Path:
    for part in ("images", "labels"):
        (folder / "train" / part).mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (W, H)).save(folder / "train/images/cat.png")
    write(folder / "train/labels/cat.txt", lines)
    # As Roboflow writes it.
    data = {"train": "../train/images", "names": ["dog", "cat"]} | change
    return write(folder / "data.yaml", data)


def test_yolos_outlines_and_boxes(folder: Path) -> None:
    path = yolo(folder, "1 0 0 0.5 0 0 0.5\n\n0 0.5 0.5 0.2 0.4\n")
    coco = read("yolo", path)
    outline, box = coco["annotations"]
    assert outline["segmentation"] == [[0, 0, 100, 0, 0, 50]]
    assert box["bbox"] == [80, 30, 40, 40]
    assert [each["name"] for each in coco["categories"]] == ["dog", "cat"]


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ("2 0 0 1 1", "cat.txt:1: class 2; data.yaml names 2 classes"),
        ("0 0 0 1 1 0", "5 numbers after the class"),
        ("0 0 0 1 1 0 120", "120 is no share"),
        ("0 0 0 1 x", "'x'; a number"),
    ],
)
def test_what_is_wrong_with_yolos_labels(lines: str, words: str, folder: Path) -> None:
    with pytest.raises(DataError, match=words):
        read("yolo", yolo(folder, lines))


def test_a_split_that_is_not_there(folder: Path) -> None:
    with pytest.raises(DataError, match="no folder 'val'; there are: train"):
        read("yolo", yolo(folder, ""), split="val")


# ---- names and classes -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("album/a.jpg", "album/a.jpg"),
        ("album\\a.jpg", "album/a.jpg"),
        ("C:\\photos\\album\\a.jpg", "album/a.jpg"),
        ("/somewhere/else/album/a.jpg", "album/a.jpg"),
        ("../../etc/album/a.jpg", "album/a.jpg"),
        ("a.jpg", "album/a.jpg"),
        ("two%20words.jpg", "two words.jpg"),
        ("100%25.jpg", "100%.jpg"),
        ("50%20.jpg", "50%20.jpg"),
        ("https://host.example/x/album/a.jpg?X-Amz-Signature=abc", "album/a.jpg"),
        ("s3://bucket/inbox/two words.jpg", "two words.jpg"),
        ("/data/local-files/?d=two%20words.jpg", "two words.jpg"),
        ("/data/upload/3/0f3a1b2c-a.jpg", "album/a.jpg"),
        ("deadbeef-own.jpg", "deadbeef-own.jpg"),
        ("missing.jpg", None),
        ("", None),
        ("..", None),
        ("a\0.jpg", None),
    ],
)
def test_names_are_told_apart_by_the_files_that_are_there(
    written: str, meant: str | None, tmp_path: Path
) -> None:
    names = ("album/a.jpg", "two words.jpg", "100%.jpg", "50%20.jpg", "50 .jpg", "deadbeef-own.jpg")
    for each in names:
        write(tmp_path / each, "")
    assert PhotoFiles(tmp_path).find(written) == meant


def test_a_name_outside_the_folder_is_never_found(tmp_path: Path) -> None:
    write(tmp_path / "secret.jpg", "")
    (tmp_path / "images").mkdir()
    for written in ("../secret.jpg", str(tmp_path / "secret.jpg"), "x/../../secret.jpg"):
        assert PhotoFiles(tmp_path / "images").find(written) is None


def test_a_name_that_several_files_have_is_refused(tmp_path: Path) -> None:
    write(tmp_path / "one/a.jpg", ""), write(tmp_path / "two/a.jpg", "")
    assert PhotoFiles(tmp_path).find("two/a.jpg") == "two/a.jpg"
    with pytest.raises(DataError, match=r"one/a\.jpg or two/a\.jpg"):
        PhotoFiles(tmp_path).find("a.jpg")


def test_validation_keeps_the_ids_of_training(folder: Path) -> None:
    like = write(folder / "train.json", {"categories": [{"id": 5, "name": "cat"}]})
    path = write(folder / "e.json", [task(
        region("rectanglelabels", SQUARE | {"rectanglelabels": ["ant"]}),
        region("rectanglelabels", SQUARE | {"rectanglelabels": ["cat"]}, "r2"),
    )])  # fmt: skip
    coco = read("labelstudio", path, like=like)
    assert coco["categories"] == [{"id": 1, "name": "ant"}, {"id": 5, "name": "cat"}]


def test_shapes_that_leave_the_photograph_are_cut_and_told(folder: Path) -> None:
    shapes = '<box label="cat" xtl="150" ytl="-20" xbr="260" ybr="50"/>'
    path = cvat(folder, shapes + '<box label="cat" xtl="300" ytl="0" xbr="310" ybr="5"/>')
    [found] = read("cvat", path)["annotations"]
    assert found["bbox"] == [150, 0, 50, 50]
    assert notes("cvat", path) == {
        "shapes that left their photograph and were cut at its border": 2,
        "objects without a pixel in their photograph": 1,
    }


def test_the_command_says_what_it_wrote_and_what_comes_next(folder: Path) -> None:
    path = cvat(folder, '<box label="cat" xtl="1" ytl="2" xbr="4" ybr="9"/>')
    out = folder / "coco.json"
    done = CliRunner().invoke(app, ["data", "import", "cvat", str(path), "--out", str(out)])
    assert done.exit_code == 0, done.output
    assert "1 photographs, 1 objects, 2 classes" in done.output
    assert f"maskdrop model check-data {out} --images {folder}/images" in done.output


def test_the_command_ends_in_a_sentence_for_a_bad_file(folder: Path) -> None:
    path = write(folder / "annotations.xml", "<html/>")
    done = CliRunner().invoke(app, ["data", "import", "cvat", str(path)])
    assert done.exit_code == 1
    assert "begins with <html>" in done.output
