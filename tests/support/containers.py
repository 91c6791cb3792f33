"""Containers as the platforms run them: a read-only root, no user, so much memory and no more."""

from __future__ import annotations

import json
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

# Lambda gives so many MB with every vCPU.
MB_PER_VCPU = 1769
EMULATOR = "/usr/local/bin/aws-lambda-rie"


@dataclass(frozen=True)
class Container:
    """A running container; its network is this machine's."""

    name: str

    def stop(self, within_s: int) -> int:
        """Send SIGTERM, after `within_s` SIGKILL; the exit code, 137 if it had to be killed."""
        podman("stop", "--time", str(within_s), self.name)
        return int(podman("wait", self.name))

    def peak_mb(self) -> float:
        """The most memory that its processes had resident, added up, MiB."""
        processes = podman("top", self.name, "hpid").split()[1:]
        return sum(_peak_kib(int(process)) for process in processes) / 1024


@contextmanager
def container(
    image: str,
    *command: str,
    memory_mb: int,
    environment: Mapping[str, str],
    entrypoint: str | None = None,
) -> Iterator[Container]:
    """Run an image for as long as the context lasts, and print its log should that fail."""
    name = f"maskdrop-test-{free_port()}"
    # runc, since Debian 12's crun fails where cgroups are of the first version.
    run = ["podman", "--runtime", "runc", "run", "--detach", "--pull=never", "--name", name]
    limits = ["--memory", f"{memory_mb}m", "--memory-swap", f"{memory_mb}m"]
    limits += ["--cpus", f"{min(memory_mb / MB_PER_VCPU, 2):.2f}"]
    limits += ["--ulimit", "nofile=1024:1024", "--ulimit", "nproc=1000:1000"]
    # Lambda has no /dev/shm; podman always makes one, here nobody may write to it.
    root = ["--read-only", "--read-only-tmpfs=false", "--tmpfs", "/tmp:rw,mode=1777"]  # noqa: S108
    root += ["--mount", "type=tmpfs,destination=/dev/shm,tmpfs-mode=0555"]
    variables = [word for pair in environment.items() for word in ("--env", "=".join(pair))]
    start = ["--entrypoint", entrypoint] if entrypoint else []
    whole = [*run, *limits, *root, *variables, *start, "--network", "host", image, *command]
    subprocess.run(whole, check=True, stdout=subprocess.DEVNULL)
    try:
        yield Container(name)
    except BaseException:
        print(podman("logs", name))
        raise
    finally:
        podman("rm", "--force", "--time", "0", name)


@contextmanager
def function(
    image: str, handler: str, memory_mb: int, environment: Mapping[str, str]
) -> Iterator[tuple[Container, Callable[[Any], Any]]]:
    """Run a Lambda function out of its image; yields it and what invokes it.

    The emulator is started as the image's entry point would, on ports that are free.
    """
    address, api = (f"127.0.0.1:{free_port()}" for _ in range(2))
    where = ["--runtime-interface-emulator-address", address, "--runtime-api-address", api]
    client = ["/usr/bin/env", "PYTHONPATH=/var/runtime", "python3", "-m", "awslambdaric", handler]
    of_lambda = {
        "AWS_LAMBDA_FUNCTION_NAME": "maskdrop",
        "AWS_LAMBDA_FUNCTION_TIMEOUT": "60",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(memory_mb),
        "POWERTOOLS_TRACE_DISABLED": "true",
    }
    with container(
        image,
        *where,
        *client,
        memory_mb=memory_mb,
        environment={**of_lambda, **environment},
        entrypoint=EMULATOR,
    ) as running:
        url = f"http://{address}/2015-03-31/functions/function/invocations"
        yield running, lambda event: json.loads(fetch(url, json.dumps(event).encode()))


def fetch(url: str, body: bytes | None = None, content_type: str = "application/json") -> bytes:
    """GET, or POST a body; waits a minute for the server to listen."""
    request = Request(url, body, {"content-type": content_type})  # noqa: S310  # it is http://
    for _ in range(600):
        try:
            with urlopen(request, timeout=120) as answer:  # noqa: S310
                return bytes(answer.read())
        except URLError as error:
            if not isinstance(error.reason, ConnectionError):
                raise
            time.sleep(0.1)
    raise TimeoutError(url)


def wait_until_ready(url: str) -> None:
    """Until the golden image was detected right: before that the answer is 503.

    Raises HTTPError with any other answer, TimeoutError after two minutes.
    """
    for _ in range(1200):
        try:
            fetch(f"{url}/readyz")
        except HTTPError as error:
            if error.code != 503:
                raise
            time.sleep(0.1)
        else:
            return
    raise TimeoutError(url)


def form(photo: bytes) -> tuple[bytes, str]:
    """A body with a photograph, and its content type."""
    part = b'--edge\r\nContent-Disposition: form-data; name="image"; filename="a.jpg"\r\n\r\n'
    return part + photo + b"\r\n--edge--\r\n", "multipart/form-data; boundary=edge"


def podman(*words: str) -> str:
    """What podman answers; raises CalledProcessError."""
    answer = subprocess.run(["podman", *words], check=True, capture_output=True, text=True)
    return answer.stdout


def free_port() -> int:
    """A port of loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _peak_kib(process: int) -> int:
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    (peak,) = [line.split()[1] for line in lines if line.startswith("VmHWM:")] or ["0"]
    return int(peak)
