"""The image of Cloud Run, read-only, at the port that the platform says."""

import json
from pathlib import Path

import pytest
from containers import container, fetch, form, free_port, wait_until_ready

IMAGE = "localhost/maskdrop-test:server"
BILLS = Path(__file__).parents[2] / "out/sbom"


@pytest.fixture
def server(environment):
    port = free_port()
    with container(IMAGE, memory_mb=2048, environment=environment | {"PORT": str(port)}) as running:
        yield running, f"http://127.0.0.1:{port}"


def test_it_gets_ready_detects_and_ends_when_told(server, cat, report):
    running, url = server
    wait_until_ready(url)
    found = json.loads(fetch(f"{url}/api/detect", *form(cat)))
    assert found["class_names"][0] == "cat"
    report(f"server: peak {running.peak_mb():.0f} MiB")
    assert running.stop(within_s=10) == 0


@pytest.mark.parametrize("image", ["lambda", "server"])
def test_the_bill_of_materials_names_what_is_installed(image):
    bill = json.loads((BILLS / f"{image}.cdx.json").read_text())
    names = {component["name"] for component in bill["components"]}
    assert bill["bomFormat"] == "CycloneDX"
    assert {"ai-edge-litert", "numpy", "pillow", "boto3"} <= names
    assert not {"tensorflow", "cyclonedx-bom"} & names
