"""The service around the far sides of a test: a bucket in memory, a queue that is a list."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from painting import encoded, painted
from starlette.testclient import TestClient

from handler.errors import QueueUnavailable
from handler.jobs.queue import Job
from handler.settings import Settings
from handler.web.app import create_app
from handler.wiring import Services, build_services

COLOUR_MODEL = Path(__file__).parents[1] / "runtime/colour_model/1"


class ListQueue:
    """A JobQueue that keeps what it is given, or refuses it."""

    def __init__(self, refuses: bool = False) -> None:
        self.jobs: list[Job] = []
        self.put_back_with: list[tuple[str, int]] = []
        self.settled: list[str] = []
        self.refuses = refuses

    def put(self, job: Job) -> None:
        self._check()
        self.jobs.append(job)

    def put_back(self, body: str, tries: int) -> None:
        self._check()
        self.put_back_with.append((body, tries))

    def settle(self, receipt: str) -> None:
        self._check()
        self.settled.append(receipt)

    def _check(self) -> None:
        if self.refuses:
            raise QueueUnavailable("The queue did not take the job: EndpointConnectionError.")


class LambdaContext:
    """What Lambda tells a function about its invocation."""

    function_name = "maskdrop-api"
    memory_limit_in_mb = 3008
    invoked_function_arn = "arn:aws:lambda:eu-central-1:123456789012:function:maskdrop-api"
    aws_request_id = "8f3c1d5e-0000-4000-8000-000000000001"

    def __init__(self, seconds_left: float = 29) -> None:
        self._seconds_left = seconds_left

    def get_remaining_time_in_millis(self) -> int:
        return int(self._seconds_left * 1000)


def make_services(settings: dict[str, Any] | None = None, **parts: Any) -> Services:
    """Services with the colour model, in which `parts` replace the real ones."""
    built = build_services(Settings(**{"model": str(COLOUR_MODEL)} | (settings or {})))
    given: dict[str, Any] = {"settings": built.settings, "model": built.model, "gate": built.gate}
    return Services(**given | parts)


def make_client(settings: dict[str, Any] | None = None, **parts: Any) -> TestClient:
    """A client of an application around `make_services`."""
    return TestClient(create_app(make_services(settings, **parts)))


def squares(*colours: str, width: int = 128, height: int = 96) -> bytes:
    """A photograph of squares: `red` is a person, `green` a cat, `blue` a dog."""
    places = {each: (5 + 40 * i, 20, 35 + 40 * i, 50) for i, each in enumerate(colours)}
    return encoded(painted(width, height, **places))
