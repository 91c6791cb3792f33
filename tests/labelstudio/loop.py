"""The loop with the real Label Studio: predict, correct, export, import, train, serve.

python tests/labelstudio/loop.py FOLDER --label-studio PROGRAM --train-python PYTHON

Prints each step with its seconds. `make labelstudio-test` runs it; docs/the-loop.md shows it.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
import numpy as np
from label_studio import LabelStudio, running
from playwright.sync_api import sync_playwright

ROOT = Path(__file__).parents[2]
SAMPLES = ROOT / "site/samples"
UPLOADED, LINKED = "chelsea.jpg", "astronaut.jpg"
SECRET = "correct-horse-battery"  # noqa: S105
CONFIG = """<View>
  <Image name="image" value="$image" zoom="true" zoomControl="true"/>
  <BrushLabels name="tag" toName="image">
    <Label value="person" background="#d4380d"/>
    <Label value="cat" background="#096dd9"/>
  </BrushLabels>
</View>"""

# What the SDK itself makes of a brush, in Label Studio's own environment.
DECODE = """
import json, sys
from label_studio_sdk.converter.brush import decode_rle
for each in json.load(sys.stdin):
    picture = decode_rle(each["rle"]).reshape(each["height"], each["width"], 4)
    print(int((picture[:, :, 3] > 0).sum()))
"""


def main() -> None:
    """Run the loop."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--label-studio", type=Path, required=True, help="its program")
    parser.add_argument("--train-python", type=Path, default=Path(sys.executable))
    parser.add_argument("--picture", type=Path, help="where the screenshot goes")
    parser.add_argument("--export", type=Path, help="learn from this export, without Label Studio")
    given = parser.parse_args()
    given.folder.mkdir(parents=True, exist_ok=True)
    if given.export:
        learn(given.export, given)
        return
    with running(given.label_studio, given.folder / "label-studio", 8971) as url:
        step("Label Studio answers")
        person = LabelStudio(url)
        token = kept(given.folder / "token", person.access_token)
        with service(given.folder, url, token) as api:
            step("Maskdrop serves version 1")
            export = annotate(person, api, given)
    learn(export, given)


def kept(path: Path, make: Callable[[], str]) -> str:
    """What an earlier run over the folder made: Label Studio gives one token to a person."""
    if not path.exists():
        path.write_text(make())
    return path.read_text()


_started = time.monotonic()


def step(words: str) -> None:
    """Say what is done, and when."""
    print(f"{time.monotonic() - _started:6.1f} s  {words}", flush=True)


@contextmanager
def service(folder: Path, url: str, token: str, model: str | None = None) -> Iterator[str]:
    """`maskdrop run`, told where Label Studio is."""
    environment = os.environ | {
        "MASKDROP_LABELSTUDIO": "true",
        "MASKDROP_LABELSTUDIO_URL": url,
        "MASKDROP_LABELSTUDIO_TOKEN": token,
        "MASKDROP_LABELSTUDIO_PASSWORD": SECRET,
        "MASKDROP_PRIVATE_HOSTS": "true",
    }
    if model:
        environment["MASKDROP_MODEL"] = model
    port = 8972
    command = [sys.executable, "-m", "handler", "run", "--port", str(port), "--state", folder / "s"]
    with (folder / "maskdrop.log").open("a") as log:
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log)
        try:
            api = f"http://localhost:{port}"
            give_up = time.monotonic() + 120
            while not answers(f"{api}/readyz"):
                assert process.poll() is None
                assert time.monotonic() < give_up, "maskdrop run is not ready."
                time.sleep(0.5)
            yield api
        finally:
            process.terminate()
            process.wait(60)


def answers(url: str) -> bool:
    """Whether it answers 200."""
    try:
        return httpx2.get(url, timeout=5).status_code == 200
    except httpx2.HTTPError:
        return False


def annotate(person: LabelStudio, api: str, given: argparse.Namespace) -> Path:
    """A project with predictions, one of them corrected; answers the export."""
    project = person.project("Maskdrop", CONFIG)
    person.upload(project, SAMPLES / UPLOADED)
    person.add(project, drop(api, SAMPLES / LINKED))
    backend = person.connect(project, f"{api}/labelstudio", SECRET)
    assert backend["state"] == "CO", backend
    step(f"the backend is connected, model version {backend['model_version']}")
    tasks = person.tasks(project)
    person.predict(project, [each["id"] for each in tasks])
    tasks = person.tasks(project)
    regions = [each["predictions"][0]["result"] for each in tasks]
    assert all(regions), tasks
    step(f"{sum(map(len, regions))} regions predicted in {len(tasks)} photographs")
    check_brushes([region for each in regions for region in each], given.label_studio)
    step("label_studio_sdk decodes every brush to the mask's area")
    open_task(person, project, tasks[0]["id"], given.picture)
    step("the task was opened in Chromium")
    correct(person, tasks)
    step("one mask corrected, both photographs submitted")
    path: Path = given.folder / "export.json"
    path.write_text(json.dumps(person.export(project)))
    return path


def drop(api: str, photo: Path) -> str:
    """Upload a photograph to the bucket as the site does; answers a link to it."""
    body = photo.read_bytes()
    form = {"filename": photo.name, "content_type": "image/jpeg", "size": len(body)}
    upload = httpx2.post(f"{api}/v1/uploads", json=form).json()
    httpx2.post(upload["url"], data=upload["fields"], files={"file": body}).raise_for_status()
    answer = httpx2.post(f"{api}/v1/detections", json={"key": upload["key"]}, timeout=60)
    link: str = answer.json()["photo"]
    return link


def check_brushes(regions: list[dict[str, Any]], program: Path) -> None:
    """Hold our brushes against what Label Studio's own SDK decodes."""
    from model.data.brush import decode_brush

    given = [
        {
            "rle": each["value"]["rle"],
            "width": each["original_width"],
            "height": each["original_height"],
        }
        for each in regions
    ]
    python = program.parent / "python"
    done = subprocess.run(
        [python, "-c", DECODE], input=json.dumps(given), capture_output=True, text=True, check=True
    )
    ours = [decode_brush(e["rle"], e["width"], e["height"], "a brush").sum() for e in given]
    assert list(map(int, done.stdout.split())) == list(map(int, ours))


def open_task(person: LabelStudio, project: int, task: int, picture: Path | None) -> None:
    """Open a task in a browser and look for its regions; take a picture of it."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path="/usr/bin/chromium",
            args=["--no-sandbox", "--disable-quic", "--disable-background-networking"],
        )
        context = browser.new_context(viewport={"width": 1440, "height": 900})
        context.add_cookies(person.cookies)  # type: ignore[arg-type]
        page = context.new_page()
        page.goto(f"{person.url}/projects/{project}/data?task={task}", timeout=120_000)
        page.wait_for_selector("canvas", timeout=120_000)
        page.get_by_text("maskdrop", exact=False).first.wait_for(timeout=60_000)
        page.wait_for_timeout(5000)
        if picture:
            page.screenshot(path=picture)
        browser.close()


def correct(person: LabelStudio, tasks: list[dict[str, Any]]) -> None:
    """Accept what was predicted, but for a strip of the first mask that is taken away."""
    from handler.masks.label_studio import encode_brush
    from model.data.brush import decode_brush
    from model.runtime.detections import InstanceMask

    for number, task in enumerate(tasks):
        result = task["predictions"][0]["result"]
        if number == 0:
            width, height = result[0]["original_width"], result[0]["original_height"]
            mask = decode_brush(result[0]["value"]["rle"], width, height, "a brush")
            rows = np.flatnonzero(mask.any(axis=1))
            mask[rows[0] : rows[0] + 10] = False
            rle = encode_brush(InstanceMask(0, 0, mask), width, height)
            result[0]["value"]["rle"] = rle
        person.annotate(task["id"], result)


def learn(export: Path, given: argparse.Namespace) -> None:
    """From the export to version 2, which serves."""
    folder, photos = given.folder, given.folder / "photos"
    photos.mkdir(exist_ok=True)
    for name in (UPLOADED, LINKED):
        (photos / name).write_bytes((SAMPLES / name).read_bytes())
    coco, run = folder / "train.json", folder / "run"
    maskdrop("data", "import", "labelstudio", export, "--images", photos, "--out", coco)
    maskdrop("model", "check-data", coco, "--images", photos)
    step("imported and checked")
    maskdrop(
        "model", "train", "--data", coco, "--images", photos, "--val", coco, "--val-images", photos,
        "--run", run, "--steps", "10", "--evaluate-every", "10", "--batch", "2",
        python=given.train_python,
    )  # fmt: skip
    step("trained for ten steps")
    models = folder / "models"
    maskdrop(
        "model", "import", run / "best.pth", "--preset", "edge",
        "--classes", run / "classes.txt", "--name", "mine", "--to", models,
    )  # fmt: skip
    maskdrop(
        "model", "export", models / "mine", "--float32", "--calibration", photos,
        "--golden", photos / UPLOADED,
    )  # fmt: skip
    step("imported and exported")
    with service(folder, "http://127.0.0.1:9", "none", str(models / "mine")) as api:
        answer = httpx2.post(
            f"{api}/labelstudio/setup", json={"schema": CONFIG}, auth=("maskdrop", SECRET)
        )
        step(f"served: Label Studio is told {answer.json()}")
        assert answer.json()["model_version"].startswith("mine/")


def maskdrop(*words: object, python: Path | None = None) -> None:
    """Run a command; it ends with 0."""
    command = [str(python or sys.executable), "-m", "handler", *map(str, words)]
    print("         $ maskdrop", *words, flush=True)
    subprocess.run(command, cwd=ROOT, check=True, env=os.environ | {"PYTHONPATH": str(ROOT)})


if __name__ == "__main__":
    main()
