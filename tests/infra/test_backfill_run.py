"""The backfill's own state machine, executed: 200 photographs, of which three are none."""

import io
import json
import re

import boto3
import pytest
from PIL import Image
from step_functions import KEYS, REGION, ROOT, make_function, make_state_machine, ministack
from typer.testing import CliRunner

from handler.bucket.keys import latest_key
from handler.bucket.s3 import S3ObjectStore, s3_client
from handler.commands.main import app
from handler.jobs.step_functions import STACK_OUTPUT, BackfillUnavailable, open_state_machine

pytest.importorskip("ministack", reason="`make test` installs it.")

BUCKET = "maskdrop-example"
PREFIX = "album/"
PHOTOGRAPHS = 200
BROKEN = {
    "album/007.jpg": b"GIF89a",
    "album/111.jpg": b"",
    "album/notes.txt": b"The dog is called Rex.",
}
ASL = ROOT / "infra/backfill.asl.json"

# A minute and a half: `make test-slow` runs it.
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def aws(tmp_path_factory):
    with ministack(tmp_path_factory.mktemp("ministack")) as url:
        yield url


@pytest.fixture(scope="module")
def store(aws):
    keys = {name.removeprefix("aws_"): value for name, value in KEYS.items()}
    client = s3_client(REGION, endpoint_url=aws, **keys)
    client.create_bucket(Bucket=BUCKET)
    filled = S3ObjectStore(BUCKET, client)
    for key, body in photographs().items():
        filled.put(key, body, content_type="image/jpeg")
    return filled


def photographs():
    """Two hundred objects: tiny crops of the sample photographs, and what is no photograph."""
    samples = [Image.open(path) for path in sorted((ROOT / "site/samples").glob("*.jpg"))]
    keys = [f"{PREFIX}{number:03}.jpg" for number in range(PHOTOGRAPHS - 1)]
    return {key: crop(samples[i % len(samples)], i) for i, key in enumerate(keys)} | BROKEN


def crop(sample, number):
    file = io.BytesIO()
    left = number % 40
    sample.crop((left, 0, left + 200, 200)).resize((96, 96)).save(file, "JPEG")
    return file.getvalue()


@pytest.fixture(scope="module")
def environment(aws):
    """What the function's own environment, and that of the command, have in common."""
    return {
        "AWS_ACCESS_KEY_ID": KEYS["aws_access_key_id"],
        "AWS_SECRET_ACCESS_KEY": KEYS["aws_secret_access_key"],
        "AWS_ENDPOINT_URL": aws,
        "MASKDROP_S3_ENDPOINT": aws,
        "NO_PROXY": "127.0.0.1",
    }


@pytest.fixture(scope="module")
def machine(aws, environment):
    function = make_function(
        aws,
        "handler.backfill_entry.handler",
        environment
        | {
            "MASKDROP_BUCKET": BUCKET,
            "MASKDROP_THREADS": "1",
            "POWERTOOLS_TRACE_DISABLED": "true",
            "POWERTOOLS_METRICS_NAMESPACE": "maskdrop",
            "POWERTOOLS_SERVICE_NAME": "maskdrop",
        },
    )
    return make_state_machine(aws, ASL, {"Bucket": BUCKET, "FunctionArn": function})


@pytest.fixture(scope="module")
def backfill(environment, machine):
    def run(*words, source=f"s3://{BUCKET}/{PREFIX}"):
        command = ["backfill", source, "--state-machine", machine, "--poll-interval", "0.2", *words]
        return CliRunner().invoke(app, [*command, "--concurrency", "2"], env=environment)

    return run


@pytest.fixture(scope="module")
def first_run(backfill, store):
    return backfill()


@pytest.fixture(scope="module")
def second_run(first_run, backfill):
    return backfill("--max-failures", "1")


def report_of(run, store):
    """The report that the command names, read out of the bucket."""
    (key,) = re.findall(rf"s3://{BUCKET}/(backfill/\S+)", run.stdout)
    return read(store, key)


def read(store, key):
    return json.loads(store.get(key).body)


def test_everything_but_the_bad_ones_gets_its_masks(first_run, store):
    assert first_run.exit_code == 0, first_run.output
    newest = {key: read(store, latest_key(key)) for key in photographs()}
    failed = {key for key, manifest in newest.items() if manifest["status"] == "failed"}
    assert failed == set(BROKEN)
    assert any(manifest.get("detections") for manifest in newest.values())


def test_report_counts_all_and_names_the_bad_ones_with_the_reason(first_run, store):
    report = report_of(first_run, store)
    assert (report["total"], report["done"], report["failed"]) == (PHOTOGRAPHS, 197, 3)
    reasons = {each["key"]: each["detail"] for each in report["failures"]}
    assert reasons.keys() == BROKEN.keys()
    assert reasons["album/007.jpg"] == "This is a GIF; JPEG, PNG, WebP, AVIF and HEIC are accepted."


def test_second_run_finds_everything_done(second_run, store):
    report = report_of(second_run, store)
    assert (report["done"], report["existing"], report["failed"]) == (0, 197, 3)


def test_more_failures_than_tolerated_fail_the_run(second_run):
    assert second_run.exit_code == 1
    assert "3 of 200 objects failed, more than 1.0 %." in second_run.stderr


def test_run_over_nothing_says_so(backfill, store):
    run = backfill(source=f"s3://{BUCKET}/nowhere/")
    assert run.exit_code == 1
    assert "There is no object under 'nowhere/'." in run.stderr


def test_another_bucket_is_refused_by_the_state_machine(backfill, store):
    run = backfill(source="s3://elsewhere/album/")
    assert run.exit_code == 1
    assert f"works on {BUCKET}, not on elsewhere" in run.stderr


def test_stack_names_its_state_machine(aws, environment, monkeypatch):
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    client = boto3.client("cloudformation", region_name=REGION)
    template = {
        "Resources": {"Any": {"Type": "AWS::S3::Bucket"}},
        "Outputs": {STACK_OUTPUT: {"Value": "arn:of:the:machine"}},
    }
    client.create_stack(StackName="backfill", TemplateBody=json.dumps(template))
    assert open_state_machine(None, "backfill", REGION).arn == "arn:of:the:machine"
    with pytest.raises(BackfillUnavailable, match="ask for stack 'nowhere'"):
        open_state_machine(None, "nowhere", REGION)
