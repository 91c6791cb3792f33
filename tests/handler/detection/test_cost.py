"""What a receipt says of money, against sums that a person can do."""

from __future__ import annotations

import pytest
from jsonschema_rs import validator_for
from painting import photo
from service import COLOUR_MODEL, make_client

from handler.detection.cost import Machine, Tariff, find_tariff
from handler.detection.detector import Detector
from handler.prices import PUBLISHED, Platform, Rates
from handler.schemas import Cost, Manifest, Options
from handler.settings import LambdaEnvironment, Settings
from model.runtime.predictor import Predictor

NOWHERE = LambdaEnvironment()


def charge(machine: Machine, milliseconds: float) -> Cost:
    return Tariff(machine, PUBLISHED[machine.platform]).charge(milliseconds)


def test_lambda_charges_memory_times_time_and_the_request() -> None:
    cost = charge(Machine("lambda-x86_64", 2048), 1000)
    # 2 GB × 1 s × $0.0000166667 + $0.0000002
    assert (cost.gb_seconds, cost.usd) == (2, pytest.approx(0.0000335334))


def test_lambda_rounds_up_to_the_millisecond_and_cloud_run_to_a_tenth_of_a_second() -> None:
    assert charge(Machine("lambda-arm64", 1024), 100.01).milliseconds == 101
    assert charge(Machine("cloud-run", 1024, vcpus=1), 100.01).milliseconds == 200


def test_cloud_run_charges_vcpus_memory_and_the_request() -> None:
    cost = charge(Machine("cloud-run", 4096, vcpus=2), 1000)
    # 2 × $0.000024 + 4 × $0.0000025 + $0.0000004
    assert cost.usd == pytest.approx(0.0000584)


def test_a_gpu_is_charged_with_its_instance_and_without_a_request() -> None:
    cost = charge(Machine("cloud-run-gpu", 16384, vcpus=4, gpus=1), 1000)
    # 4 × $0.000018 + 16 × $0.000002 + $0.0001867
    assert cost.usd == pytest.approx(0.0002907)


@pytest.mark.parametrize(
    ("processor", "platform"), [("x86_64", "lambda-x86_64"), ("aarch64", "lambda-arm64")]
)
def test_lambda_says_its_memory_and_the_processor_its_kind(
    monkeypatch: pytest.MonkeyPatch, processor: str, platform: Platform
) -> None:
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "3008")
    tariff = find_tariff(Settings(), LambdaEnvironment(), processor)
    assert tariff is not None
    assert tariff.machine == Machine(platform, 3008)


def test_cloud_run_is_as_large_as_the_settings_say() -> None:
    settings = Settings(cloud_run_vcpus=4, cloud_run_memory_mb=16384, cloud_run_gpus=1)
    tariff = find_tariff(settings, NOWHERE)
    assert tariff is not None
    assert tariff.machine == Machine("cloud-run-gpu", 16384, 4, 1)


def test_a_machine_of_ones_own_has_no_price() -> None:
    assert find_tariff(Settings(), NOWHERE) is None
    answer = detect(tariff=None)
    assert answer.receipt.cost is None


def test_other_prices_replace_the_published_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MASKDROP_PRICES", '{"cloud-run": {"vcpu_second": 1}}')
    tariff = find_tariff(Settings(cloud_run_vcpus=3, cloud_run_memory_mb=512), NOWHERE)
    assert tariff is not None
    assert (tariff.charge(1000).usd, tariff.rates.source) == (3, "MASKDROP_PRICES")


def detect(tariff: Tariff | None) -> Manifest:
    predictor = Predictor.load(COLOUR_MODEL, threads=1)
    return Detector(predictor, tariff=tariff).detect(photo(), Options()).manifest()


def test_a_receipt_charges_at_least_the_time_of_its_stages() -> None:
    receipt = detect(Tariff(Machine("lambda-x86_64", 1024), Rates(gib_second=1))).receipt
    assert receipt.cost is not None
    assert receipt.cost.milliseconds >= sum(receipt.milliseconds.values())
    assert receipt.cost.usd == pytest.approx(receipt.cost.milliseconds / 1000)


def test_the_published_schema_takes_manifests_with_and_without_a_price() -> None:
    schema = validator_for(make_client().get("/schemas/manifest.json").json())
    for tariff in (None, Tariff(Machine("lambda-x86_64", 1024), Rates())):
        schema.validate(detect(tariff).model_dump(mode="json"))


def test_a_manifest_from_before_there_were_prices_is_read() -> None:
    old = detect(None).model_dump(mode="json") | {"schema_version": 1}
    del old["receipt"]["cost"]
    assert Manifest.model_validate(old).receipt.cost is None
