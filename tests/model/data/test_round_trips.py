"""COCO -> each tool's format -> COCO: the same masks, within what the format can hold.

Areas and IoU are pycocotools', which nothing of ours takes part in.
"""

from __future__ import annotations

import io
import json
from pathlib import Path
from zipfile import ZipFile

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from mask_samples import blob
from numpy.typing import NDArray
from PIL import Image
from pycocotools import mask as coco_mask

from handler.detection.annotation_files import AnnotationFile
from handler.schemas import Detection, Manifest, Model, Options, Receipt, Source
from model.cli import app as model_app
from model.data.convert import convert
from model.runtime.detections import InstanceMask
from model.runtime.rle import encode_rle

WIDTH, HEIGHT = 61, 47
Frame = NDArray[np.bool_]
# Output -> source of the import. COCO's results are no data set: nothing to import.
FORMATS = {
    "labelstudio": "labelstudio",
    "cvat": "cvat",
    "cvatxml": "cvat",
    "labelme": "labelme",
    "yolo": "yolo",
    "fiftyone": "coco",
}
# A format of outlines alone. Fewer points than the mask has corners, on purpose.
OUTLINES = {"yolo"}


def detection(index: int, frame: Frame, name: str) -> Detection:
    height, width = frame.shape
    rows, columns = np.nonzero(frame)
    box = (0.0, 0.0, 1.0, 1.0)
    if len(rows):
        box = tuple(map(float, (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)))
    return Detection(
        index=index,
        class_id=17 + index % 2,
        class_name=name,
        score=0.9,
        box=box,
        area=int(frame.sum()),
        rle=encode_rle(InstanceMask(0, 0, frame), width, height),
        raw_mask="AAAA",
    )


def manifest(*frames: Frame) -> Manifest:
    height, width = frames[0].shape if frames else (HEIGHT, WIDTH)
    names = ("cat", "Grüner Drache & <Söhne>")
    return Manifest(
        source=Source(filename="a.png", size=1, width=width, height=height, orientation=1),
        model=Model(name="colour", version=1, digest="0"),
        options=Options(),
        detections=tuple(detection(i, each, names[i % 2]) for i, each in enumerate(frames)),
        outputs=(),
        receipt=Receipt(cold=False, milliseconds={}, peak_memory_mb=1),
    )


def export(output: str, folder: Path, *results: Manifest) -> Path:
    """Write what `--outputs` writes, unpacked, and the photographs; answers what to import."""
    photos = folder / "images"
    photos.mkdir(parents=True, exist_ok=True)
    file = AnnotationFile(output)
    for number, each in enumerate(results):
        name = f"photo {number}.png"
        Image.new("RGB", (each.source.width, each.source.height)).save(photos / name)
        file.add(each, name, number)
    body = file.encode()
    if file.name.endswith(".zip"):
        with ZipFile(io.BytesIO(body)) as archive:
            archive.extractall(folder)
        return folder
    if output == "labelstudio":
        # What a person accepts becomes an annotation.
        tasks = json.loads(body)
        for each in tasks:
            each["annotations"] = each.pop("predictions")
        body = json.dumps(tasks).encode()
    (folder / file.name).write_bytes(body)
    return folder / file.name


def masks_of(coco: dict, size: tuple[int, int]) -> list[tuple[str, Frame]]:
    names = {each["id"]: each["name"] for each in coco["categories"]}
    found = []
    for each in coco["annotations"]:
        segmentation = each["segmentation"]
        if isinstance(segmentation, list):
            packed = coco_mask.merge(coco_mask.frPyObjects(segmentation, *size))
        else:
            packed = dict(segmentation, counts=segmentation["counts"].encode())
        assert each["area"] == coco_mask.area(packed)
        assert each["iscrowd"] == 0
        found.append((names[each["category_id"]], coco_mask.decode(packed) > 0))
    return found


def iou(one: Frame, other: Frame) -> float:
    union = (one | other).sum()
    return float((one & other).sum() / union) if union else 1.0


@pytest.mark.parametrize("output", FORMATS)
def test_a_photographs_masks_come_back(output: str, tmp_path: Path) -> None:
    frames = [blob(160, 120, seed) for seed in range(3)]
    ring = np.zeros((120, 160), bool)
    ring[20:100, 30:140] = True
    ring[40:80, 60:110] = False
    two = np.zeros((120, 160), bool)
    two[5:40, 5:50] = two[70:115, 90:155] = True
    frames += [ring, two]
    there = export(output, tmp_path, manifest(*frames), manifest())
    done = convert(FORMATS[output], there, tmp_path / "images", None, "train")
    assert [each["file_name"] for each in done.coco["images"]] == ["photo 0.png", "photo 1.png"]
    back = masks_of(done.coco, (120, 160))
    assert [name for name, _ in back] == [each.class_name for each in manifest(*frames).detections]
    for frame, (_, found) in zip(frames, back, strict=True):
        if output in OUTLINES:
            assert iou(frame, found) > 0.95
        else:
            assert (frame == found).all()


@pytest.mark.parametrize("output", sorted(set(FORMATS) - OUTLINES))
@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(frame=arrays(bool, st.tuples(st.integers(1, 9), st.integers(1, 9))))
def test_any_mask_comes_back(
    output: str, frame: Frame, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("any")
    there = export(output, folder, manifest(frame))
    done = convert(FORMATS[output], there, folder / "images", None, "train")
    back = masks_of(done.coco, frame.shape)
    if frame.any():
        assert [(found == frame).all() for _, found in back] == [True]
    else:
        assert back == []


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10_000), holes=st.integers(0, 3))
def test_yolo_keeps_parts_and_holes(
    seed: int, holes: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """One outline for all: bridges between the rings have no area."""
    rng = np.random.default_rng(seed)
    frame = np.zeros((90, 110), bool)
    for _ in range(3):
        y, x = rng.integers(0, 55), rng.integers(0, 70)
        frame[y : y + rng.integers(12, 34), x : x + rng.integers(12, 39)] = True
    for _ in range(holes):
        y, x = rng.integers(5, 75), rng.integers(5, 95)
        frame[y : y + 7, x : x + 8] = False
    folder = tmp_path_factory.mktemp("yolo")
    there = export("yolo", folder, manifest(frame))
    done = convert("yolo", there, None, None, "train")
    [(_, found)] = masks_of(done.coco, frame.shape)
    assert iou(frame, found) > 0.9


@pytest.mark.parametrize("output", FORMATS)
def test_check_data_takes_it(output: str, tmp_path: Path) -> None:
    from typer.testing import CliRunner

    there = export(output, tmp_path, manifest(*(blob(160, 120, seed) for seed in range(2))))
    done = convert(FORMATS[output], there, tmp_path / "images", None, "train")
    coco = tmp_path / "out.json"
    coco.write_text(json.dumps(done.coco))
    result = CliRunner().invoke(
        model_app, ["check-data", str(coco), "--images", str(tmp_path / "images"), "--json"]
    )
    findings = json.loads(result.stdout)
    assert result.exit_code == 0, findings
