"""Both entries in AWS's own runtime: the Runtime Interface Emulator driving awslambdaric.

The emulator comes in the wheel of aws-sam-cli, of which nothing else is used.
"""

import base64
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from urllib.error import URLError
from urllib.request import Request, urlopen

import pytest
from events import load_event
from service import COLOUR_MODEL, squares

from handler.bucket.keys import latest_key
from handler.bucket.s3 import S3ObjectStore

ROOT = Path(__file__).parents[2]
BUCKET = "maskdrop-example"
KEY = "inbox/cat.jpg"


def emulator() -> Path:
    spec = find_spec("samcli")
    if spec is None:
        pytest.skip("aws-sam-cli is not installed; `make test` installs it.")
    return Path(spec.submodule_search_locations[0]) / "local/rapid/aws-lambda-rie-x86_64"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextmanager
def function(entry, environment, log):
    """Run `entry` as Lambda would; yields what invokes it."""
    address, api = (f"127.0.0.1:{free_port()}" for _ in range(2))
    command = [
        emulator(),
        *("--runtime-interface-emulator-address", address, "--runtime-api-address", api),
        *(sys.executable, "-m", "awslambdaric", entry),
    ]
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, cwd=ROOT, env=environment, stdout=output, stderr=output, start_new_session=True
        )
    try:
        yield lambda event: invoke(address, event)
    finally:
        os.killpg(process.pid, 9)
        process.wait()


def invoke(address, event):
    """Invoke the function, waiting for the emulator to listen."""
    url = f"http://{address}/2015-03-31/functions/function/invocations"
    for _ in range(100):
        try:
            with urlopen(Request(url, json.dumps(event).encode()), timeout=120) as answer:
                return json.load(answer)
        except URLError as error:
            if not isinstance(error.reason, ConnectionRefusedError):
                raise
            time.sleep(0.1)
    raise TimeoutError(address)


@pytest.fixture(scope="module")
def store(seaweedfs):
    client = seaweedfs.client()
    client.create_bucket(Bucket=BUCKET)
    return S3ObjectStore(BUCKET, client)


@pytest.fixture(scope="module")
def environment(seaweedfs, store):
    """What the template sets, and nothing of the caller's."""
    return {
        "PATH": os.environ["PATH"],
        "AWS_ACCESS_KEY_ID": seaweedfs.access_key_id,
        "AWS_SECRET_ACCESS_KEY": seaweedfs.secret_access_key,
        "AWS_LAMBDA_FUNCTION_NAME": "maskdrop",
        "AWS_LAMBDA_FUNCTION_TIMEOUT": "60",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "3008",
        "POWERTOOLS_TRACE_DISABLED": "true",
        "MASKDROP_MODEL": str(COLOUR_MODEL),
        "MASKDROP_BUCKET": BUCKET,
        "MASKDROP_S3_ENDPOINT": seaweedfs.endpoint_url,
    }


@pytest.fixture(scope="module")
def log(tmp_path_factory):
    return tmp_path_factory.mktemp("lambda") / "log"


@pytest.fixture(scope="module")
def api(environment, log) -> Iterator:
    with function("handler.api_entry.handler", environment, log) as call:
        yield call


@pytest.fixture(scope="module")
def batch(environment, tmp_path_factory) -> Iterator:
    log = tmp_path_factory.mktemp("lambda") / "log"
    with function("handler.batch_entry.handler", environment, log) as call:
        yield call


def put(store, key=KEY, data=None):
    data = squares("red", "green") if data is None else data
    return store.put(key, data, content_type="image/jpeg").etag


def latest(store, key):
    return json.loads(store.get(latest_key(key)).body)


def at(event, path, stage="$default", **changes):
    """The event of another path, behind a stage."""
    event["rawPath"] = event["requestContext"]["http"]["path"] = path
    event["requestContext"]["stage"] = stage
    return event | changes


def test_api_answers_with_the_gateways_request_id(api):
    event = load_event("http_get_health")
    answer = api(event)
    assert (answer["statusCode"], json.loads(answer["body"])) == (200, {"status": "ok"})
    assert answer["headers"]["x-request-id"] == event["requestContext"]["requestId"]


def test_api_is_ready_when_it_answers(api):
    assert api(at(load_event("http_get_health"), "/readyz"))["statusCode"] == 200


def test_api_detects_in_a_binary_body(api):
    answer = api(load_event("http_post_detect_base64"))
    assert answer["statusCode"] == 200
    assert json.loads(answer["body"])["class_names"] == ["person", "cat"]


@pytest.mark.parametrize("name", ["http_post_upload", "http_post_upload_base64"])
def test_api_presigns_uploads(api, name):
    answer = api(load_event(name))
    upload = json.loads(answer["body"])
    assert answer["statusCode"] == 201
    assert upload["fields"]["key"] == upload["key"]


def test_api_answers_problems_as_text(api):
    answer = api(at(load_event("http_get_health"), "/nowhere"))
    assert answer["statusCode"] == 404
    assert json.loads(answer["body"])["type"] == "urn:maskdrop:problem:no-such-route"


@pytest.mark.parametrize(("stage", "prefix"), [("$default", ""), ("prod", "/prod")])
def test_documentation_works_under_a_stage(api, stage, prefix):
    docs = api(at(load_event("http_get_health"), f"{prefix}/docs", stage))
    document = api(at(load_event("http_get_health"), f"{prefix}/openapi.json", stage))
    assert f"url: '{prefix}/openapi.json'" in docs["body"]
    assert document["statusCode"] == 200


def test_api_detects_in_the_bucket(api, store):
    put(store, "uploads/1/a.jpg")
    body = json.dumps({"key": "uploads/1/a.jpg"})
    event = load_event("http_post_upload")
    answer = api(at(event, "/v1/detections", body=body))
    report = json.loads(answer["body"])
    assert answer["statusCode"] == 201
    assert store.head(f"results/{report['id']}/manifest.json")


def test_log_is_structured_and_holds_no_secret(api, log, environment):
    api(load_event("http_post_upload"))
    text = log.read_text()
    lines = [json.loads(line) for line in text.splitlines() if line.startswith("{")]
    assert any(line.get("message", "").startswith("POST /v1/uploads 201") for line in lines)
    assert any("RequestTime" in line for line in lines)
    assert environment["AWS_SECRET_ACCESS_KEY"] not in text
    assert "Signature" not in text
    assert base64.b64encode(squares("red"))[:40].decode() not in text


def sqs(event, message_id="1"):
    """The queue's event around S3's."""
    (record,) = load_event("sqs_s3_put")["Records"]
    return {"Records": [record | {"messageId": message_id, "body": json.dumps(event)}]}


def created(etag, key):
    event = load_event("s3_put")
    event["Records"][0]["s3"]["object"] |= {"key": key, "eTag": etag}
    return event


@pytest.mark.parametrize("wrap", [sqs, dict], ids=["through the queue", "directly"])
def test_batch_detects_what_s3_says_was_made(batch, store, wrap):
    key = f"inbox/{wrap.__name__}.jpg"
    assert batch(wrap(created(put(store, key), key))) == {"batchItemFailures": []}
    assert [each["class_name"] for each in latest(store, key)["detections"]] == ["person", "cat"]


def test_batch_fails_a_broken_photograph_and_says_why(batch, store):
    key = "inbox/broken.jpg"
    answer = batch(sqs(created(put(store, key, b"GIF89a"), key), "7"))
    assert answer == {"batchItemFailures": [{"itemIdentifier": "7"}]}
    assert latest(store, key)["failure"]["detail"].startswith("This is a GIF")


@pytest.mark.parametrize(
    "name", ["s3_test_event", "sqs_s3_test_event", "s3_delete", "s3_not_for_us"]
)
def test_batch_ignores_what_is_not_for_it(batch, name):
    assert batch(load_event(name)) == {"batchItemFailures": []}


def test_batch_fails_a_message_it_cannot_read(batch):
    assert len(batch(load_event("sqs_broken"))["batchItemFailures"]) == 1
