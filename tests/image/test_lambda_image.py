"""The image of AWS Lambda, read-only and with Lambda's memory, driven by Lambda's emulator."""

import base64
import json
import time

import pytest
from containers import container, function, podman
from events import load_event

from handler.bucket.keys import latest_key

IMAGE = "localhost/maskdrop-test:lambda"
BASE = "localhost/maskdrop-stand-in:lambda"
MOST_ADDED_BYTES = 350 * 10**6

# What a new account may have at most, and what makes one vCPU.
MEMORY_MB = [3008, 1769]


@pytest.fixture(scope="module", params=MEMORY_MB, ids=lambda memory_mb: f"{memory_mb} MB")
def memory_mb(request):
    return request.param


@pytest.fixture(scope="module")
def api(memory_mb, environment):
    with function(IMAGE, "handler.api_entry.handler", memory_mb, environment) as running:
        yield running


@pytest.fixture(scope="module")
def batch(memory_mb, environment):
    with function(IMAGE, "handler.batch_entry.handler", memory_mb, environment) as running:
        yield running


def get(path):
    event = load_event("http_get_health")
    event["rawPath"] = event["requestContext"]["http"]["path"] = path
    return event


def detect(photo):
    """The event of `curl --form image=@photo`."""
    event = load_event("http_post_detect_base64")
    boundary = event["headers"]["content-type"].partition("boundary=")[2]
    part = f'--{boundary}\r\nContent-Disposition: form-data; name="image"; filename="a.jpg"\r\n\r\n'
    body = part.encode() + photo + f"\r\n--{boundary}--\r\n".encode()
    event["headers"]["content-length"] = str(len(body))
    return event | {"body": base64.b64encode(body).decode()}


def created(key, etag):
    """The queue's message about a new object."""
    s3 = load_event("s3_put")
    s3["Records"][0]["s3"]["object"] |= {"key": key, "eTag": etag}
    event = load_event("sqs_s3_put")
    event["Records"][0]["body"] = json.dumps(s3)
    return event


def ms(call, *arguments):
    start = time.perf_counter()
    call(*arguments)
    return (time.perf_counter() - start) * 1000


def test_the_model_is_ready_in_a_read_only_root(api):
    _, invoke = api
    assert invoke(get("/readyz"))["statusCode"] == 200


def test_a_photograph_in_a_request_gets_its_masks(api, cat):
    _, invoke = api
    answer = invoke(detect(cat))
    assert answer["statusCode"] == 200, answer["body"]
    found = json.loads(answer["body"])
    assert (found["class_names"][0], found["masks"][0]["size"]) == ("cat", [300, 451])


def test_a_photograph_in_the_inbox_gets_its_masks_into_the_bucket(batch, store, cat, memory_mb):
    _, invoke = batch
    key = f"inbox/{memory_mb}/cat.jpg"
    etag = store.put(key, cat, content_type="image/jpeg").etag
    assert invoke(created(key, etag)) == {"batchItemFailures": []}
    result = json.loads(store.get(latest_key(key)).body)
    mask = store.get(f"results/{result['id']}/instances/000-cat.png").body
    assert mask.startswith(b"\x89PNG")


@pytest.mark.parametrize("handler", ["handler.api_entry.handler", "handler.batch_entry.handler"])
def test_times_and_memory(handler, environment, store, cat, memory_mb, report):
    """Nothing but figures: the first request waits for the runtime and the model."""
    with function(IMAGE, handler, memory_mb, environment) as (running, invoke):
        events = [detect(cat)] * 10
        if "batch" in handler:
            keys = [f"inbox/{memory_mb}/{number}.jpg" for number in range(10)]
            etags = [store.put(key, cat, content_type="image/jpeg").etag for key in keys]
            events = list(map(created, keys, etags))
        times = [ms(invoke, event) for event in events]
        peak = running.peak_mb()
    assert peak < memory_mb
    report(
        f"{handler.split('.')[1]}, {memory_mb} MB: first {times[0]:.0f} ms, tenth "
        f"{times[9]:.0f} ms, peak {peak:.0f} MiB"
    )


def run(*command):
    """What a command in the image prints."""
    environment = {"PYTHONPATH": "/var/task"}
    with container(
        IMAGE, *command, memory_mb=1769, environment=environment, entrypoint="python3"
    ) as running:
        assert podman("wait", running.name).strip() == "0"
        return podman("logs", running.name).strip()


def test_it_runs_as_nobody_in_particular():
    assert run("-c", "import os; print(os.getuid())") == "65532"


def test_every_module_has_bytecode_that_needs_no_source():
    # PEP 552: after the magic number, 1 says that a hash is kept and that nobody checks it.
    count = (
        "import pathlib; files = [*pathlib.Path('/var/task').rglob('*.pyc')];"
        "print(len(files) > 1000, {file.read_bytes()[4] for file in files})"
    )
    assert run("-c", count) == "True {1}"


def test_it_holds_one_version_of_the_model_and_nothing_for_training():
    listing = run(
        "-c", "import pathlib; print(*pathlib.Path('/var/task/model/zoo').rglob('*.*'), sep='\\n')"
    )
    assert sum(name.endswith("model.tflite") for name in listing.splitlines()) == 1
    assert "weights.npz" not in listing


def test_it_adds_little_to_its_base(report):
    sizes = [
        int(podman("image", "inspect", "--format", "{{.Size}}", each)) for each in (IMAGE, BASE)
    ]
    added = sizes[0] - sizes[1]
    assert added < MOST_ADDED_BYTES
    report(f"lambda adds {added / 1e6:.0f} MB to its base")


def test_labels_say_what_it_is():
    labels = json.loads(podman("image", "inspect", "--format", "{{json .Labels}}", IMAGE))
    assert labels["org.opencontainers.image.version"] == "0.1.0"
    assert labels["com.amazonaws.lambda.feature.snapstart"] == "Allow"
