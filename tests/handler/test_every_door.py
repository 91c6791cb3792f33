"""A setting means the same at every door: each one asks `handler.wiring`.

The doors run as they do in earnest, as processes, with nothing but the environment to go by. The
model's network is in a TensorFlow Serving server that counts its requests; the bucket is on a
server that speaks Google Cloud Storage's dialect and refuses what S3's would send.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from google_storage import ACCESS_KEY_ID, SECRET, google_storage
from service import COLOUR_MODEL, make_services, squares
from site_stack import serving
from tf_serving_server import make_network, rest_server
from webhook_receiver import SECRET as WEBHOOK_SECRET
from webhook_receiver import webhook_receiver

from handler.bucket.keys import NOTICES
from handler.bucket.objects import ObjectStore
from handler.settings import Settings
from handler.wiring import open_store

ROOT = Path(__file__).parents[2]
EVENTS = ROOT / "tests/events"
BUCKET = "maskdrop-example"
KEY = "inbox/cat.jpg"


@pytest.fixture(scope="module")
def google() -> Iterator[str]:
    with google_storage() as url:
        yield url


@pytest.fixture
def asked() -> list[str]:
    """The requests that the model's server got."""
    return []


@pytest.fixture
def tf_serving(asked: list[str]) -> Iterator[str]:
    with rest_server(make_network(COLOUR_MODEL), asked) as url:
        yield url


@pytest.fixture
def environment(google: str, tf_serving: str) -> dict[str, str]:
    """Every setting that says where things are, each of them another than the default."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("MASKDROP_")}
    return kept | {
        "AWS_ACCESS_KEY_ID": ACCESS_KEY_ID,
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "AWS_LAMBDA_FUNCTION_NAME": "maskdrop",
        "POWERTOOLS_TRACE_DISABLED": "true",
        "MASKDROP_MODEL": f"s3://{BUCKET}/models/colour",
        "MASKDROP_BACKEND": "tfserving",
        "MASKDROP_TFSERVING_URL": tf_serving,
        "MASKDROP_STORE": "gcs",
        "MASKDROP_REGION": "auto",
        "MASKDROP_S3_ENDPOINT": google,
        "MASKDROP_BUCKET": BUCKET,
        "MASKDROP_MAX_IMAGE_SIDE": "4000",
    }


@pytest.fixture
def bucket(google: str, monkeypatch: pytest.MonkeyPatch) -> ObjectStore:
    """The bucket on Google's server, with a model and a photograph in it."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", ACCESS_KEY_ID)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    monkeypatch.setattr("boto3.DEFAULT_SESSION", None)
    store = open_store(Settings(store="gcs", region="auto", s3_endpoint=google), BUCKET)
    for each in COLOUR_MODEL.iterdir():
        store.put(f"models/colour/1/{each.name}", each.read_bytes(), content_type="x/y")
    store.put(KEY, squares("red"), content_type="image/png")
    return store


def run(environment: dict[str, str], folder: Path, *arguments: str) -> str:
    """Run the command; it ends with 0."""
    done = subprocess.run(
        [sys.executable, "-m", "handler", *arguments],
        cwd=folder, env=environment | {"PYTHONPATH": str(ROOT)}, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_detect(
    environment: dict[str, str], bucket: ObjectStore, asked: list[str], tmp_path: Path
) -> None:
    (tmp_path / "photo.png").write_bytes(squares("red", "green"))
    found = json.loads(run(environment, tmp_path, "detect", "photo.png", "--json"))
    assert [each["class_name"] for each in found[0]["detections"]] == ["person", "cat"]
    assert asked


def test_python(
    environment: dict[str, str], bucket: ObjectStore, asked: list[str], tmp_path: Path
) -> None:
    (tmp_path / "photo.png").write_bytes(squares("red"))
    code = "import maskdrop; print([each.name for each in maskdrop.load().detect('photo.png')])"
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path, env=environment | {"PYTHONPATH": str(ROOT)}, capture_output=True, text=True,
    )  # fmt: skip
    assert done.stdout == "['person']\n", done.stderr
    assert asked


def test_doctor(
    environment: dict[str, str], bucket: ObjectStore, asked: list[str], tmp_path: Path
) -> None:
    found = json.loads(run(environment, tmp_path, "doctor", "--json"))
    levels = {each["check"]: each["level"] for each in found}
    assert [name for name, level in levels.items() if level == "red"] == []
    assert (levels["Model"], levels["Presigned"], levels["Permissions results/"]) == ("green",) * 3
    assert levels["Events"] == "yellow"
    assert asked


def test_api_function(
    environment: dict[str, str], bucket: ObjectStore, asked: list[str], tmp_path: Path
) -> None:
    """It loads the model when it is imported, and signs uploads to the bucket."""
    path = str(EVENTS / "http_post_upload.json")
    answer = json.loads(run(environment, tmp_path, "replay", path))
    assert answer["statusCode"] == 201, answer
    assert json.loads(answer["body"])["url"].startswith(environment["MASKDROP_S3_ENDPOINT"])
    assert asked


def test_batch_function(
    environment: dict[str, str], bucket: ObjectStore, asked: list[str], tmp_path: Path
) -> None:
    info = bucket.head(KEY)
    event = (EVENTS / "sqs_s3_put.json").read_text()
    path = tmp_path / "event.json"
    path.write_text(event.replace("0f343b0931126a20f133d67c2b018a3b", info.etag))
    answer = json.loads(run(environment, tmp_path, "replay", str(path)))
    assert answer == {"batchItemFailures": []}
    assert b"succeeded" in bucket.get(f"latest/{KEY}.json").body
    assert asked


def test_batch_function_tells_the_webhook_before_it_answers(
    environment: dict[str, str], bucket: ObjectStore, asked: list[str], tmp_path: Path
) -> None:
    """A function is frozen between its calls: nothing can be left for later."""
    bucket.put("inbox/told.png", squares("red", "red"), content_type="image/png")
    info = bucket.head("inbox/told.png")
    event = (EVENTS / "sqs_s3_put.json").read_text()
    event = event.replace("0f343b0931126a20f133d67c2b018a3b", info.etag)
    path = tmp_path / "event.json"
    path.write_text(event.replace(KEY, "inbox/told.png"))
    with webhook_receiver() as receiver:
        told = environment | {
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "1769",
            "MASKDROP_WEBHOOK_URL": receiver.url,
            "MASKDROP_WEBHOOK_SECRET": WEBHOOK_SECRET,
            "MASKDROP_PRIVATE_HOSTS": "true",
        }
        run(told, tmp_path, "replay", str(path))
        [message] = receiver.messages
    assert message["data"]["key"] == "inbox/told.png"
    assert [each.key for each in bucket.list_objects(NOTICES)] == []


def test_backfill_function(
    environment: dict[str, str], bucket: ObjectStore, asked: list[str], tmp_path: Path
) -> None:
    bucket.put("album/cat.png", squares("green"), content_type="image/png")
    path = tmp_path / "items.json"
    path.write_text(json.dumps({"Items": [{"Key": "album/cat.png"}]}))
    answer = json.loads(run(environment, tmp_path, "replay", str(path)))
    assert answer["done"] == 1, answer
    assert b"succeeded" in bucket.get("latest/album/cat.png.json").body


def test_server(environment: dict[str, str], bucket: ObjectStore, asked: list[str]) -> None:
    code = (
        "from starlette.testclient import TestClient\n"
        "from handler.server_entry import app\n"
        "with TestClient(app) as client:\n"
        "    form = {'filename': 'a.png', 'content_type': 'image/png', 'size': 9}\n"
        "    print(client.post('/v1/uploads', json=form).json()['url'])\n"
        "    print(client.get('/v1/models').json()['models'][0]['name'])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=environment | {"PYTHONPATH": str(ROOT)}, capture_output=True, text=True,
    )  # fmt: skip
    url = f"{environment['MASKDROP_S3_ENDPOINT']}/{BUCKET}"
    assert done.stdout.split() == [url, "colour"], done.stdout + done.stderr
    assert asked


def test_batch_command_reads_a_prefix_of_any_bucket(
    environment: dict[str, str], google: str, bucket: ObjectStore, tmp_path: Path
) -> None:
    other = open_store(Settings(store="gcs", region="auto", s3_endpoint=google), "other")
    other.put("album/one.png", squares("red"), content_type="image/png")
    # The service has a bucket of its own, elsewhere.
    del environment["MASKDROP_TFSERVING_URL"]
    with serving(make_services(store=bucket)) as url:
        run(environment, tmp_path, "batch", "s3://other/album/", "--api", url)
    manifests = list(tmp_path.glob("out/**/manifest.json"))
    assert [json.loads(each.read_text())["source"]["size"] for each in manifests] == [
        len(squares("red"))
    ]


def test_backfill_command_says_that_it_lists_s3_alone(
    environment: dict[str, str], tmp_path: Path
) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "handler", "backfill", "s3://b/album/", "--stack", "any"],
        cwd=tmp_path, env=environment | {"PYTHONPATH": str(ROOT)}, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 1
    assert "MASKDROP_STORE is 'gcs'" in done.stderr


def test_nobody_builds_a_predictor_or_a_store_beside_wiring() -> None:
    """Local's embedded stack has keys of its own, and its server is always S3's."""
    made = re.compile(r"Predictor\.load\(|S3ObjectStore\(|GoogleObjectStore\(|SQSJobQueue\(")
    found = {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "handler").rglob("*.py")
        if any(made.search(line) for line in path.read_text().splitlines() if "class " not in line)
    }
    assert found == {"handler/wiring.py", "handler/local/stack.py", "handler/local/service.py"}
