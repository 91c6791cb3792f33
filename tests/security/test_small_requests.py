"""Small requests stay small: little memory, little time, short answers; bombs on every route."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
import time
from pathlib import Path

import pytest
from painting import encoded, painted
from served import ask, peak_mb, post, resident_mb, served, status
from service import make_client, squares

from handler.errors import BadPrediction
from handler.photo.decode import ImageLimits
from handler.web.json_images import Cursor, read_image

LIMITS = ImageLimits()
PREDICT = "/v1/models/colour:predict"


@pytest.fixture(scope="module")
def client():
    return make_client({"max_running": 2, "max_waiting": 4})


def test_a_million_wrong_outputs_are_not_even_read(client):
    body = b'{"key":"uploads/x","options":{"outputs":[%s]}}' % b",".join([b'"a"'] * 500_000)
    began = time.perf_counter()
    answer = client.post("/v1/detections", content=body)
    assert answer.status_code == 413
    assert len(answer.content) < 1000
    assert time.perf_counter() - began < 5


def test_twenty_refused_fields_are_told_and_the_rest_counted(client):
    options = {f"field{i}": i for i in range(500)}
    answer = client.post("/v1/detections", json={"key": "uploads/x", "options": options})
    told = answer.json()["errors"]
    assert answer.status_code == 422
    assert len(told) == 21
    assert told[-1]["detail"] == "480 more are wrong."


@pytest.mark.parametrize(
    "body",
    [
        {"key": "uploads/x", "options": {"classes": ["a" * 30_000]}},
        {"key": "uploads/x", "options": {"classes": ["a"] * 10_000}},
        {"key": "uploads/x", "options": {"outputs": ["rle"] * 5000}},
        {"key": "x" * 40_000},
        {"key": "uploads/x", "n" * 40_000: 1},
        {"key": "uploads/x", "options": {"outputs": ["x" * 40_000]}},
    ],
    ids=["class name", "classes", "outputs", "key", "field name", "output name"],
)
def test_nothing_is_repeated_at_length(client, body):
    answer = client.post("/v1/detections", json=body)
    assert answer.status_code == 422
    assert len(answer.content) < 6000


def test_a_long_class_name_in_a_query_is_refused(client):
    answer = client.post(
        "/api/detect", params={"classes": "a" * 5000}, files={"image": squares("red")}
    )
    assert answer.status_code == 422
    assert len(answer.content) < 2000


@pytest.mark.parametrize(
    "text",
    [
        '["' + "a" * 10**6 + '",' + ",".join(['""'] * 200) + "]",
        "[" + ",".join(["[]"] * 10**6) + "]",
        "[" * 10**5,
        "[[" + ",".join(["{}"] * 10**6) + "]]",
        "[[" + ",".join(["[1,2,3]"] * 10**6) + "]]",
        '{"b64":"' + "A" * 40_000_000 + '"}',
        '{"' + "k" * 10**7 + '":1}',
        "[[[1e999,1,1]]]",
        "[[[true,false,true]]]",
        "[[[NaN,1,1]]]",
        "[[[" + "1" * 5000 + ",1,1]]]",
    ],
    ids=lambda text: text[:12],
)
def test_json_that_would_grow_is_refused_while_it_is_read(text):
    began = time.perf_counter()
    with pytest.raises(BadPrediction) as refused:
        read_image(Cursor(text), LIMITS)
    assert time.perf_counter() - began < 2
    assert len(str(refused.value)) < 300


def test_a_tensor_is_read_as_json_reads_it():
    pixels = painted(37, 21, red=(0, 0, 10, 10))
    text = json.dumps(pixels.tolist())
    assert (read_image(Cursor(text), LIMITS) == pixels).all()
    spaced = json.dumps(pixels.astype(float).tolist(), indent=1)
    assert (read_image(Cursor(spaced), LIMITS) == pixels).all()


@pytest.mark.parametrize(
    ("body", "statuses"),
    [
        (b'{"instances":[["%s",%s]]}' % (b"a" * 10**6, b",".join([b'""'] * 200)), {400}),
        (b'{"instances":[%s]}' % b",".join([b"[]"] * 10**7), {400}),
        (b'{"instances":' + b"[" * 30_000_000, {400}),
        (b'{"inputs":{"image":[[[%s]]]}}' % b",".join([b"{}"] * 10**6), {400}),
    ],
    ids=["strings", "empty lists", "depth", "objects"],
)
def test_bombs_for_predict_take_little_memory(tmp_path, body, statuses):
    with served(tmp_path / "log", max_running=2) as (process, port):
        before = resident_mb(process)
        began = time.perf_counter()
        assert status(ask(port, *post(PREDICT, body))) in statuses
        assert time.perf_counter() - began < 30
        # The body, its text, and what one request is made of; it was 0.77 GB for 1 MB.
        assert peak_mb(process) - before < 6 * len(body) / 2**20 + 60


def test_sixteen_large_photographs_are_in_memory_one_at_a_time(tmp_path):
    frame = encoded(painted(4000, 3000, red=(0, 0, 2000, 2000)))
    instance = {"b64": base64.b64encode(frame).decode()}
    with served(tmp_path / "log", max_running=1) as (process, port):
        answers, peaks = [], []
        for count in (1, 16):
            body = json.dumps({"instances": [instance] * count}).encode()
            answers.append(status(ask(port, *post(PREDICT, body))))
            peaks.append(peak_mb(process))
        assert answers == [200, 200]
        # Sixteen at once would be 600 MB more. Each answer's JSON stays, 1 MB or so.
        assert peaks[1] - peaks[0] < 120


# How each route is handed the photograph; `keys` are those of objects that hold it.
WAYS = {
    "/api/detect": 'post(path, files={"image": data})',
    PREDICT: 'post(path, json={"instances": [{"b64": base64.b64encode(data).decode()}]})',
    "/v1/detections": 'post(path, json={"key": keys[number]})',
    "/events": 'post(path, headers=event["headers"], json=event["body"] | {"name": keys[number]})',
}
EVENT = Path(__file__).parents[1] / "events/eventarc_binary.json"


@pytest.mark.parametrize("path", WAYS)
def test_every_route_survives_six_bombs_at_once_in_three_gigabytes(path):
    """A 6,000 × 4,000 PNG of one colour, six at once, in 3 GiB of address space."""
    code = f"""
import base64, io, json, resource, sys
sys.path[:0] = {sys.path!r}
resource.setrlimit(resource.RLIMIT_AS, (3 * 2**30, 3 * 2**30))
from concurrent.futures import ThreadPoolExecutor
from PIL import Image
from memory_store import MemoryObjectStore
from service import make_services
from starlette.testclient import TestClient
from handler.web.app import create_app
file, path = io.BytesIO(), {path!r}
Image.new("RGB", (6000, 4000)).save(file, "PNG", compress_level=1)
data, event = file.getvalue(), json.load(open({str(EVENT)!r}))
store = MemoryObjectStore(event["body"]["bucket"])
folder = "inbox" if path == "/events" else "uploads"
keys = [f"{{folder}}/{{number:032x}}/photo.png" for number in range(6)]
for key in keys:
    store.put(key, data, content_type="image/png")
limits = {{"memory_budget_mb": 400, "max_running": 2, "max_waiting": 20, "threads": 1}}
services = make_services(limits | {{"events": True}}, store=store)
services.model.detector()
app = create_app(services)
def ask(number):
    return TestClient(app).{WAYS[path]}.status_code
with ThreadPoolExecutor(6) as pool:
    print(sorted(pool.map(ask, range(6))))
if path == "/events":
    print(len([each for each in store.list_objects("latest/")]))
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    expected = {"/v1/detections": f"{[201] * 6}", "/events": f"{[204] * 6}\n6"}
    assert run.stdout.strip() == expected.get(path, f"{[200] * 6}"), run.stderr[-2000:]
