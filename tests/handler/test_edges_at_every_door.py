"""`edges` at every door: what was asked for is in the manifest, and refined masks are others."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from events import load_event
from memory_store import MemoryObjectStore
from painting import encoded, painted
from service import COLOUR_MODEL, ListQueue, make_client, make_services
from typer.testing import CliRunner

import maskdrop
from handler.bucket.keys import latest_key
from handler.commands.main import app
from handler.jobs.worker import Worker

KEY, BUCKET = "inbox/cat.jpg", "maskdrop-example"
EDGES = ["plain", "refined"]
PIXELS = painted(256, 192, red=(20, 40, 100, 160))
PHOTO = encoded(PIXELS)


def refined_masks(manifest: dict[str, object]) -> list[object]:
    detections = manifest["detections"]
    assert isinstance(detections, list)
    return [each["refined_mask"] for each in detections if each.get("refined_mask")]


def check(manifest: dict[str, object], edges: str) -> None:
    options = manifest["options"]
    assert isinstance(options, dict)
    assert options["edges"] == edges
    assert len(refined_masks(manifest)) == (1 if edges == "refined" else 0)


@pytest.mark.parametrize("edges", EDGES)
def test_command_line(edges: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("photo.png").write_bytes(PHOTO)
    words = ["detect", "photo.png", "--model", str(COLOUR_MODEL), "--edges", edges]
    answer = CliRunner().invoke(app, words)
    assert answer.exit_code == 0, answer.output
    check(json.loads(Path("out/photo/manifest.json").read_bytes()), edges)


@pytest.mark.parametrize("command", ["detect", "upload", "batch"])
def test_command_line_refuses_others(command: str, tmp_path: Path) -> None:
    words = [command, str(tmp_path), "--edges", "soft"]
    answer = CliRunner().invoke(app, words)
    assert answer.exit_code == 2
    assert "'soft' is not one of" in answer.stderr


@pytest.mark.parametrize("edges", EDGES)
def test_python(edges: str) -> None:
    result = maskdrop.load(COLOUR_MODEL, threads=1).detect(PIXELS, edges=edges)
    check(json.loads(result.manifest.model_dump_json()), edges)
    areas = [each.area for each in result.manifest.detections]
    assert [int(np.count_nonzero(each.mask)) for each in result] == areas


@pytest.mark.parametrize("edges", EDGES)
def test_a_request_with_the_photograph(edges: str) -> None:
    client = make_client()
    answer = client.post("/api/detect", params={"edges": edges}, files={"image": PHOTO})
    assert answer.status_code == 200, answer.text
    assert ("refining" in answer.json()["timings"]) == (edges == "refined")
    (found,) = maskdrop.load(COLOUR_MODEL, threads=1).detect(PHOTO, edges=edges).manifest.detections
    assert answer.json()["masks"] == [dict(found.rle)]


@pytest.mark.parametrize("edges", EDGES)
def test_a_queued_job(edges: str) -> None:
    store, queue = MemoryObjectStore(BUCKET), ListQueue()
    key = f"uploads/{1:032x}/photo.png"
    store.put(key, PHOTO, content_type="image/png")
    client = make_client(store=store, queue=queue)
    body = {"key": key, "options": {"edges": edges}}
    headers = {"Prefer": "respond-async"}
    answer = client.post("/v1/detections", json=body, headers=headers)
    assert answer.status_code == 202, answer.text
    (job,) = queue.jobs
    assert json.loads(job.model_dump_json())["options"]["edges"] == edges


@pytest.mark.parametrize("edges", EDGES)
def test_an_event_takes_the_settings_default(edges: str) -> None:
    store = MemoryObjectStore(BUCKET)
    services = make_services({"edges": edges}, store=store)
    info = store.put(KEY, PHOTO, content_type="image/png")
    event = load_event("s3_put")
    event["Records"][0]["s3"]["object"] |= {"key": KEY, "eTag": info.etag}
    answer = Worker(services.stored, BUCKET).handle(event, lambda: 60.0)
    assert answer == {"batchItemFailures": []}
    check(json.loads(store.get(latest_key(KEY)).body), edges)
