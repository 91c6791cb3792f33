"""AWS as ministack plays it, with our own code as the function and our own state machine."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from socket import create_server
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

import boto3

ROOT = Path(__file__).parents[2]
REGION = "us-east-1"
KEYS = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
SESSION = boto3.Session(
    aws_access_key_id=KEYS["aws_access_key_id"],
    aws_secret_access_key=KEYS["aws_secret_access_key"],
    region_name=REGION,
)
READY_WITHIN_S = 60.0


@contextmanager
def ministack(folder: Path) -> Iterator[str]:
    """Run ministack over `folder`; yields its URL."""
    with create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "BIND_HOST": "127.0.0.1",
        "GATEWAY_PORT": str(port),
        "MINISTACK_HOST": "127.0.0.1",
        "LAMBDA_EXECUTOR": "local",
        "NO_PROXY": "127.0.0.1,localhost",
    }
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, Path(__file__).with_name("ministack_server.py")],
            cwd=folder,
            env=environment,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        url = f"http://127.0.0.1:{port}"
        _wait_until_ready(url, process, folder / "log")
        yield url
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def make_function(url: str, entry: str, environment: Mapping[str, str]) -> str:
    """Create a function that runs `entry` out of this repository; answers its ARN."""
    module, name = entry.rsplit(".", 1)
    code = f"import sys\nsys.path.insert(0, {str(ROOT)!r})\nfrom {module} import {name}\n"
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as package:
        package.writestr("index.py", code)
    client = SESSION.client("lambda", endpoint_url=url)
    answer: dict[str, Any] = client.create_function(
        FunctionName=module.rpartition(".")[2],
        Runtime="python3.12",
        Role="arn:aws:iam::000000000000:role/any",
        Handler=f"index.{name}",
        Code={"ZipFile": archive.getvalue()},
        Timeout=300,
        MemorySize=3008,
        Environment={"Variables": dict(environment)},
    )
    return str(answer["FunctionArn"])


def make_state_machine(url: str, definition: Path, substitutions: Mapping[str, str]) -> str:
    """Create the state machine of an ASL file, its ${names} replaced; answers its ARN."""
    text = definition.read_text()
    for name, value in substitutions.items():
        text = text.replace(f"${{{name}}}", value)
    json.loads(text)
    client = SESSION.client("stepfunctions", endpoint_url=url)
    return client.create_state_machine(
        name="backfill", definition=text, roleArn="arn:aws:iam::000000000000:role/any"
    )["stateMachineArn"]


def _wait_until_ready(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    give_up = time.monotonic() + READY_WITHIN_S
    while process.poll() is None and time.monotonic() < give_up:
        try:
            urlopen(f"{url}/_ministack/health", timeout=1).close()  # noqa: S310  # our own address
        except (URLError, OSError):
            time.sleep(0.1)
        else:
            return
    raise TimeoutError(f"ministack is not ready; its log:\n{log.read_text()[-2000:]}")
