"""The services of infra/cloudrun are what Cloud Run takes, and set what Maskdrop reads."""

import json
import re
from pathlib import Path

import jsonschema_rs
import pytest
import yaml
from service import make_client

from handler.settings import Settings

ROOT = Path(__file__).parents[2]
SCHEMA = jsonschema_rs.validator_for(
    json.loads((Path(__file__).parent / "cloud_run_schema.json").read_text())
)
VALUES = {
    "IMAGE": "europe-west4-docker.pkg.dev/example/maskdrop/server:1",
    "BUCKET": "maskdrop-example",
    "SERVICE_ACCOUNT": "maskdrop@example.iam.gserviceaccount.com",
}
NAMES = ["service", "service-gpu"]


def load(name):
    """Read a service with its ${NAMES} replaced, as envsubst does."""
    text = (ROOT / f"infra/cloudrun/{name}.yaml").read_text()
    return yaml.safe_load(re.sub(r"\$\{(\w+)\}", lambda found: VALUES[found[1]], text))


def revision(service):
    return service["spec"]["template"]["spec"]


def container(service):
    (only,) = revision(service)["containers"]
    return only


def errors(service):
    return [error.message for error in SCHEMA.iter_errors(service)]


@pytest.fixture(params=NAMES)
def service(request):
    return load(request.param)


def test_service_is_what_cloud_run_takes(service):
    assert errors(service) == []


def test_environment_is_what_maskdrop_reads(service, monkeypatch):
    variables = {each["name"]: each.get("value") for each in container(service)["env"]}
    ours = {name: value for name, value in variables.items() if name.startswith("MASKDROP_")}
    known = {f"MASKDROP_{name.upper()}" for name in Settings.model_fields}
    assert ours.keys() <= known
    for name, value in ours.items():
        monkeypatch.setenv(name, value)
    settings = Settings()
    assert (settings.store, settings.events, settings.bucket) == ("gcs", True, VALUES["BUCKET"])
    limits = container(service)["resources"]["limits"]
    assert settings.cloud_run_vcpus == int(limits["cpu"])
    assert settings.cloud_run_memory_mb == int(limits["memory"].removesuffix("Gi")) * 1024
    assert settings.cloud_run_gpus == int(limits.get("nvidia.com/gpu", 0))


def test_no_secret_is_in_the_file(service):
    secrets = [each for each in container(service)["env"] if each["name"].startswith("AWS_")]
    assert len(secrets) == 2
    assert all("value" not in each for each in secrets)


def test_probes_ask_for_what_the_service_answers(service):
    client = make_client()
    with client:
        for probe in ("startupProbe", "livenessProbe"):
            path = container(service)[probe]["httpGet"]["path"]
            assert client.get(path).status_code in (200, 503)
    assert container(service)["startupProbe"]["httpGet"]["path"] == "/readyz"


def test_gpu_service_has_one_l4_and_enough_beside_it():
    service = load("service-gpu")
    assert revision(service)["nodeSelector"] == {"run.googleapis.com/accelerator": "nvidia-l4"}
    assert container(service)["resources"]["limits"]["nvidia.com/gpu"] == "1"


@pytest.mark.parametrize(
    ("name", "break_it"),
    [
        ("service", lambda service: container(service).update(comand=["x"])),
        ("service", lambda service: revision(service).update(containerConcurrency="2")),
        ("service", lambda service: container(service)["env"].append({"name": "EMPTY"})),
        ("service", lambda service: container(service)["resources"]["limits"].update(gpu="1")),
        ("service", lambda service: container(service)["livenessProbe"].update(exec={})),
        ("service-gpu", lambda service: revision(service).pop("nodeSelector")),
        (
            "service-gpu",
            lambda service: container(service)["resources"]["limits"].update(memory="8Gi"),
        ),
        ("service-gpu", lambda service: container(service)["resources"]["limits"].update(cpu="2")),
        (
            "service-gpu",
            lambda service: service["spec"]["template"]["metadata"]["annotations"].update(
                {"run.googleapis.com/cpu-throttling": "true"}
            ),
        ),
    ],
)
def test_schema_finds_mistakes(name, break_it):
    service = load(name)
    break_it(service)
    assert errors(service) != []
