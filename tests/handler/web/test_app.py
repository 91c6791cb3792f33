import json
import logging
import re
from dataclasses import replace
from threading import Event

import jsonschema_rs
import pytest
from memory_store import MemoryObjectStore
from service import make_client, make_services, squares
from starlette.testclient import TestClient

from handler.detection.model_loader import ModelLoader
from handler.errors import NotReady
from handler.web.app import create_app

SITE = "https://masks.example"


class BrokenStore(MemoryObjectStore):
    """A bucket whose client has a bug."""

    def presign_post(self, key, **conditions):
        raise ZeroDivisionError("secret=hunter2")


UPLOAD = {"filename": "a.png", "content_type": "image/png", "size": 1}


def test_every_answer_has_a_request_id():
    client = make_client()
    for path in ("/healthz", "/nowhere", "/openapi.json"):
        assert len(client.get(path).headers["X-Request-Id"]) == 32


def test_request_id_that_would_harm_a_log_is_replaced():
    answer = make_client().get("/healthz", headers={"X-Request-Id": 'a" "level":"x'})
    assert len(answer.headers["X-Request-Id"]) == 32


def test_what_nobody_foresaw_is_logged_but_not_told(caplog):
    answer = make_client(store=BrokenStore()).post("/v1/uploads", json=UPLOAD)
    assert answer.status_code == 500
    assert answer.json()["type"] == "urn:maskdrop:problem:maskdrop-error"
    assert "hunter2" not in answer.text
    assert answer.headers["X-Request-Id"] in [each.request_id for each in caplog.records]


def test_log_has_one_line_without_query_or_bytes(caplog):
    caplog.set_level(logging.INFO, "handler")
    client = make_client()
    client.post("/api/detect?masks=none&X-Amz-Signature=0a1b", files={"image": squares("red")})
    (line,) = [each.getMessage() for each in caplog.records]
    assert line.startswith("POST /api/detect 422")
    assert "0a1b" not in line


def test_configured_site_may_call():
    client = make_client({"cors_origins": [SITE]})
    asked = {"Origin": SITE, "Access-Control-Request-Method": "POST"}
    answer = client.options("/v1/uploads", headers=asked)
    assert answer.headers["Access-Control-Allow-Origin"] == SITE


def test_other_sites_may_not():
    client = make_client({"cors_origins": [SITE]})
    answer = client.get("/healthz", headers={"Origin": "https://evil.example"})
    assert "Access-Control-Allow-Origin" not in answer.headers


def test_configured_site_can_read_what_broke():
    client = make_client({"cors_origins": [SITE]}, store=BrokenStore())
    answer = client.post("/v1/uploads", json=UPLOAD, headers={"Origin": SITE})
    assert answer.status_code == 500
    assert answer.headers["Access-Control-Allow-Origin"] == SITE


def test_documentation_works_under_a_root_path():
    client = TestClient(create_app(make_services()), root_path="/masks")
    assert "/masks/openapi.json" in client.get("/masks/docs").text
    assert client.get("/masks/openapi.json").json()["servers"] == [{"url": "/masks"}]


def test_documentation_asks_nobody_else():
    client = TestClient(create_app(make_services()), root_path="/masks")
    loaded = re.findall(r'(?:src|href)="([^"]+)"', client.get("/masks/docs").text)
    assert len(loaded) == 3
    for path in loaded:
        assert client.get(path).status_code == 200


def test_location_has_the_root_path():
    store = MemoryObjectStore()
    store.put("uploads/a.png", squares("red"), content_type="image/png")
    client = TestClient(create_app(make_services(store=store)), root_path="/masks")
    answer = client.post("/v1/detections", json={"key": "uploads/a.png"})
    assert answer.headers["Location"].startswith("/masks/v1/detections/")


def test_manifest_in_the_bucket_is_as_its_published_schema_says():
    store = MemoryObjectStore()
    store.put("uploads/a.png", squares("red"), content_type="image/png")
    client = make_client(store=store)
    schema = client.get("/schemas/manifest.json")
    identity = client.post("/v1/detections", json={"key": "uploads/a.png"}).json()["id"]
    manifest = store.get(f"results/{identity}/manifest.json").body
    assert schema.headers["Content-Type"] == "application/schema+json"
    jsonschema_rs.validate(schema.json(), json.loads(manifest))


def test_alive_before_the_model_is_loaded():
    services = make_services()
    assert TestClient(create_app(services)).get("/healthz").json() == {"status": "ok"}


def test_ready_once_the_golden_image_is_detected():
    services = make_services()
    services.model.detector()
    assert TestClient(create_app(services)).get("/readyz").status_code == 200


def test_never_ready_with_a_model_that_is_not_there():
    services = make_services({"model": "nowhere"})
    with pytest.raises(NotReady, match="No model 'nowhere'"):
        services.model.detector()
    answer = TestClient(create_app(services)).get("/readyz")
    assert answer.status_code == 503
    assert "No model 'nowhere'" in answer.json()["detail"]


def test_not_ready_while_the_model_loads():
    loading = Event()
    loader = ModelLoader(lambda: loading.wait(10))
    client = TestClient(create_app(replace(make_services(), model=loader)))
    answer = client.get("/readyz")
    loading.set()
    assert answer.status_code == 503
    assert answer.json()["detail"] == "The model is still loading."
