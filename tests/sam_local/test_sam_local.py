"""SAM's command with the functions that `make sam-build` built, in containers of Docker's kind."""

import base64
import json
import os
import signal
import subprocess
from pathlib import Path

import pytest
from containers import fetch, free_port

ROOT = Path(__file__).parents[2]
TEMPLATE = ROOT / "build/sam/built/template.yaml"
LOCAL = [
    *("--template", TEMPLATE, "--env-vars", ROOT / "env.local.json"),
    *("--skip-pull-image", "--container-host", "127.0.0.1"),
]
ENVIRONMENT = os.environ | {"SAM_CLI_TELEMETRY": "0", "AWS_DEFAULT_REGION": "us-east-1"}


def sam(*words):
    return [ROOT / ".venv-sam/bin/sam", "local", *words, *LOCAL]


@pytest.fixture(scope="module")
def api(tmp_path_factory):
    port = free_port()
    log = tmp_path_factory.mktemp("sam") / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            sam(
                "start-api",
                "--port",
                str(port),
                "--warm-containers",
                "LAZY",
                "--disable-authorizer",
            ),
            env=ENVIRONMENT,
            stdout=output,
            stderr=output,
        )
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        # It removes its containers on SIGTERM; SIGINT is ignored by what a shell runs behind.
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=60)
        print(log.read_text())


def test_the_api_is_ready(api):
    assert json.loads(fetch(f"{api}/readyz"))["status"] == "ok"


def test_a_photograph_gets_its_masks(api):
    """In JSON: SAM takes every body for text."""
    photo = base64.b64encode((ROOT / "site/samples/chelsea.jpg").read_bytes()).decode()
    body = json.dumps({"instances": [{"b64": photo}]}).encode()
    (found,) = json.loads(fetch(f"{api}/v1/models/mask_rcnn_edge:predict", body))["predictions"]
    assert found["num_detections"] > 0


@pytest.mark.parametrize(
    ("function", "event", "answer"),
    [
        ("ApiFunction", "http_get_health", {"statusCode": 200}),
        ("ApiFunction", "http_post_detect_base64", {"statusCode": 200}),
        ("BatchFunction", "sqs_s3_test_event", {"batchItemFailures": []}),
        ("BatchFunction", "s3_not_for_us", {"batchItemFailures": []}),
    ],
)
def test_a_function_answers_the_event_of_its_trigger(function, event, answer):
    invoked = subprocess.run(
        sam("invoke", function, "--event", ROOT / f"tests/events/{event}.json"),
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
    )
    assert invoked.returncode == 0, invoked.stderr
    assert answer.items() <= json.loads(invoked.stdout).items()
