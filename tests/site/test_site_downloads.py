"""What is taken away opens elsewhere and agrees with the API's masks."""

import io
import json
import subprocess
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import requests
from PIL import Image
from service import squares
from site_stack import SiteStack
from visits import PHOTO, choose, copied, manifest, press, saved, see_result, slide

from model.runtime.rle import decode_rle


def test_a_saved_mask_is_the_masks_of_the_api(page: Any) -> None:
    see_result(page)
    name, data = saved(page, "Save the mask of person 1")
    found = next(each for each in manifest(page)["detections"] if each["class_name"] == "person")
    assert name == "squares-person-1-mask.png"
    assert np.array_equal(image(data), decode_rle(found["rle"]))


def test_a_cutout_holds_the_instance_and_nothing_else(page: Any) -> None:
    see_result(page)
    _, data = saved(page, "Save the cut-out of person 1")
    cutout = image(data)
    found = next(each for each in manifest(page)["detections"] if each["class_name"] == "person")
    assert cutout.shape[2] == 4
    # Half opaque where the mask ends.
    assert np.count_nonzero(cutout[..., 3] >= 127) == found["area"]
    assert not cutout[cutout[..., 3] == 0].any()


def test_the_labels_are_those_that_the_service_wrote(page: Any, site: SiteStack) -> None:
    see_result(page)
    _, data = saved(page, "Labels PNG")
    report = requests.get(f"{site.api_url}v1/detections/{manifest(page)['id']}", timeout=10).json()
    theirs = requests.get(report["links"]["labels.png"], timeout=10).content
    assert Image.open(io.BytesIO(data)).mode == "P"
    assert np.array_equal(image(data), image(theirs))
    assert np.array_equal(palette(data), palette(theirs))


def test_the_coco_file_lists_the_visible_instances(page: Any) -> None:
    see_result(page)
    slide(page, "#mask-threshold", 0.8)
    slide(page, "#mask-threshold", 0.5)
    page.locator(".chip", has_text="dog").click()
    _, data = saved(page, "COCO JSON")
    found = manifest(page)["detections"]
    assert {each["class_name"] for each in found} == {"person", "cat"}
    assert [
        (each["category_id"], each["segmentation"], each["image_id"]) for each in json.loads(data)
    ] == [(each["class_id"], each["rle"], 1) for each in found]


def test_the_overlay_and_the_cutouts_together_have_the_photographs_size(page: Any) -> None:
    see_result(page)
    name, data = saved(page, "Overlay JPEG")
    assert (name, image(data).shape) == ("squares-overlay.jpg", (96, 128, 3))
    name, data = saved(page, "Cut-outs PNG")
    together = image(data)
    assert (name, together.shape) == ("squares-cutout-all.png", (96, 128, 4))
    masks = [decode_rle(each["rle"]) for each in manifest(page)["detections"]]
    assert np.array_equal(together[..., 3] >= 127, np.any(masks, axis=0))
    # Whole inside, nothing outside.
    assert {0, 255} <= set(np.unique(together[..., 3]).tolist())


def test_what_is_copied_follows_the_filters(page: Any) -> None:
    see_result(page)
    slide(page, "#mask-threshold", 0.8)
    page.locator(".chip", has_text="dog").click()
    shown = manifest(page)
    assert sorted(shown["options"]["classes"]) == ["cat", "person"]
    assert shown["options"]["mask_threshold"] == 0.8
    assert {each["class_name"] for each in shown["detections"]} == {"cat", "person"}
    for each in shown["detections"]:
        assert np.count_nonzero(decode_rle(each["rle"])) == each["area"]
    command = copied(page, "Copy curl")
    assert "classes=" in command
    assert "classes=dog" not in command


def test_all_photographs_come_as_one_archive(page: Any) -> None:
    choose(page, PHOTO, ("squares.jpg", "image/png", squares("red", width=220)))
    page.locator(".card.is-succeeded").nth(1).wait_for()
    name, data = saved(page, "Download all")
    archive = zipfile.ZipFile(io.BytesIO(data))
    assert name == "maskdrop.zip"
    assert {each.split("/")[0] for each in archive.namelist()} == {"squares", "squares (2)"}
    ids = [
        json.loads(archive.read(f"{each}/coco.json"))[0]["image_id"]
        for each in ("squares", "squares (2)")
    ]
    assert ids == [1, 2]


def test_the_archive_opens_and_holds_a_mask_and_a_cutout_each(page: Any) -> None:
    see_result(page)
    name, data = saved(page, "All as ZIP")
    archive = zipfile.ZipFile(io.BytesIO(data))
    assert name == "squares-masks.zip"
    assert archive.testzip() is None
    assert sorted({each.split("/")[0] for each in archive.namelist()}) == [
        "coco.json",
        "cutout-all.png",
        "cutouts",
        "labels.png",
        "masks",
        "overlay.jpg",
    ]
    assert len(archive.namelist()) == 4 + 2 * 3


def test_the_copied_command_asks_the_same(page: Any, tmp_path: Path) -> None:
    see_result(page)
    command = copied(page, "Copy curl")
    (tmp_path / PHOTO[0]).write_bytes(PHOTO[2])
    answer = subprocess.run(
        ["sh", "-c", f"{command} --silent --noproxy '*'"],
        cwd=tmp_path,
        capture_output=True,
        check=True,
    )
    assert json.loads(answer.stdout)["masks"] == [
        each["rle"] for each in manifest(page)["detections"]
    ]


def test_a_shared_link_shows_the_result_to_others(page: Any, browser: Any) -> None:
    see_result(page)
    link = copied(page, "Copy link")
    with browser.new_context() as other:
        visit = other.new_page()
        visit.goto(link)
        visit.wait_for_selector(".result")
        assert visit.locator(".row").count() == 3
        assert "Only the browser that uploaded" in visit.inner_text(".takeaway")
        assert visit.get_by_role("button", name="Delete").count() == 0


def test_deleting_leaves_nothing_here_or_in_the_bucket(page: Any, site: SiteStack) -> None:
    see_result(page)
    shown = manifest(page)
    press(page, "Delete now")
    press(page, "Delete")
    page.wait_for_selector(".dropzone")
    page.wait_for_selector(".card", state="detached")
    prefixes = (shown["source"]["key"], f"results/{shown['id']}")
    assert [found for each in prefixes for found in site.stack.store.list_objects(each)] == []


def image(data: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(data)))


def palette(data: bytes) -> np.ndarray:
    return np.array(Image.open(io.BytesIO(data)).getpalette())
