"""What starting a deployed process loads, and does not."""

import os
import subprocess
import sys

import pytest
from service import COLOUR_MODEL

UNWANTED = ("tensorflow", "torch", "moto", "typer", "rich", "grpc", "pytest")
ENVIRONMENT = {
    "PATH": os.environ["PATH"],
    "MASKDROP_MODEL": str(COLOUR_MODEL),
    "MASKDROP_BUCKET": "maskdrop-example",
    "AWS_ACCESS_KEY_ID": "any",
    "AWS_SECRET_ACCESS_KEY": "any",
}


def start(code, **changes):
    """Run `code`; a change of None takes a variable out of the environment."""
    command = [sys.executable, "-c", code]
    environment = {name: value for name, value in (ENVIRONMENT | changes).items() if value}
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("entry", ["api_entry", "batch_entry", "backfill_entry", "server_entry"])
def test_entry_loads_only_what_serving_needs(entry):
    process = start(
        f"import sys, handler.{entry}; print(*{{n.split('.')[0] for n in sys.modules}})"
    )
    assert process.returncode == 0, process.stderr
    assert set(UNWANTED) & set(process.stdout.split()) == set()


def test_batch_needs_no_web_framework():
    process = start("import sys, handler.batch_entry; print('fastapi' in sys.modules)")
    assert process.stdout == "False\n"


def test_function_whose_model_is_missing_never_starts():
    process = start("import handler.api_entry", MASKDROP_MODEL="nowhere")
    assert process.returncode != 0
    assert "No model 'nowhere'" in process.stderr


def test_server_counts_requests_for_prometheus():
    code = """
from starlette.testclient import TestClient
from handler.server_entry import app
client = TestClient(app, client=("127.0.0.1", 50000))
client.get("/healthz")
print(client.get("/metrics").text)
"""
    process = start(code)
    line = 'maskdrop_request_seconds_count{method="GET",route="/healthz",status="200"} 1.0'
    assert line in process.stdout, process.stderr


@pytest.mark.parametrize(("tracing", "loaded"), [("false", False), ("true", True)])
@pytest.mark.parametrize("entry", ["api_entry", "batch_entry", "backfill_entry"])
def test_the_sdk_of_x_ray_is_loaded_for_tracing_alone(entry, tracing, loaded):
    process = start(
        f"import sys, handler.{entry}; print('aws_xray_sdk' in sys.modules)",
        MASKDROP_TRACING=tracing,
    )
    assert process.stdout == f"{loaded}\n", process.stderr


def test_without_bucket_and_queue_there_is_no_boto3():
    process = start(
        "import sys, handler.api_entry; print('boto3' in sys.modules)", MASKDROP_BUCKET=None
    )
    assert process.stdout == "False\n", process.stderr
