"""What browsers and strangers get: headers, names, metrics."""

import pytest
from service import make_client, make_services
from starlette.testclient import TestClient

from handler.web.app import create_app
from handler.web.hardening import KnownHosts
from handler.web.problems import problem_response
from handler.web.routes.health import metrics_router

TOKEN = "0123456789abcdef"  # noqa: S105  # of this test alone


@pytest.mark.parametrize("path", ["/healthz", "/v1/models", "/nowhere", "/v1/detections/x"])
def test_no_answer_is_guessed_at_framed_or_kept(path):
    headers = make_client().get(path).headers
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"
    assert ("no-store" in headers.get("Cache-Control", "")) == path.startswith("/v1/")


def local_client(host):
    app = create_app(make_services())
    app.add_middleware(KnownHosts, hosts=("localhost", "[::1]"), respond=problem_response)
    return TestClient(app, base_url=f"http://{host}")


@pytest.mark.parametrize("host", ["localhost", "localhost:8080", "LOCALHOST", "[::1]:80"])
def test_the_machines_own_names_are_answered(host):
    assert local_client(host).get("/healthz").status_code == 200


@pytest.mark.parametrize("host", ["evil.example", "localhost.evil.example", "evil.example:8080"])
def test_a_name_that_was_bound_to_this_machine_is_not(host):
    answer = local_client(host).get("/healthz")
    assert answer.status_code == 421
    assert answer.json()["type"] == "urn:maskdrop:problem:wrong-host"


def metrics(token=None, client="203.0.113.9", **headers):
    app = create_app(make_services())
    app.include_router(metrics_router(lambda: b"counted 1", token))
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return TestClient(app, client=(client, 1)).get("/metrics", headers=named).status_code


def test_metrics_are_for_this_machine():
    assert metrics(client="127.0.0.1") == 200
    assert metrics(client="::1") == 200
    assert metrics() == 403
    # A proxy on this machine speaks for others.
    assert metrics(client="127.0.0.1", x_forwarded_for="203.0.113.9") == 403


def test_metrics_are_for_who_has_the_token():
    assert metrics(TOKEN, authorization=f"Bearer {TOKEN}") == 200
    assert metrics(TOKEN, client="127.0.0.1") == 403
    assert metrics(TOKEN, authorization="Bearer x") == 403
