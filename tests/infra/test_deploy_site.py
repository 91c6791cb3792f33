"""The site as it is published, into a bucket of moto's."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import boto3
import pytest
from deploy_site import SITE, SiteFile, Stacks, publish, site_files
from moto import mock_aws
from step_functions import ministack

from handler.photo.decode import ImageLimits

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

API = "https://a1b2c3.execute-api.eu-central-1.amazonaws.com"


@pytest.fixture
def bucket() -> Iterator[S3Client]:
    """S3 with a bucket called `site`."""
    with mock_aws():
        keys = {"aws_access_key_id": "any", "aws_secret_access_key": "any"}
        client = boto3.client("s3", region_name="us-east-1", **keys)
        client.create_bucket(Bucket="site")
        yield client


@pytest.fixture
def files() -> dict[str, SiteFile]:
    return {each.key: each for each in site_files(SITE, API)}


def test_every_file_that_the_page_names_is_published(files: dict[str, SiteFile]) -> None:
    named = re.findall(r'(?:href|src)="([^"]+)"', files["index.html"].body.decode())
    assert len(named) > 10
    # The page itself, and the API's reference, whose address the page's script sets.
    assert set(named) - {"./", "docs"} <= set(files)
    assert "README.md" not in files


def test_scripts_and_styles_are_kept_by_the_name_of_their_content(
    files: dict[str, SiteFile],
) -> None:
    folders = {re.match(r"v/\w{12}/(?=js/|components/)", key) for key in files if key[:2] == "v/"}
    assert len({each[0] for each in folders if each}) == 1
    assert None not in folders
    kept = {key for key, each in files.items() if each.cache_control.endswith("immutable")}
    assert kept == {key for key in files if key.startswith("v/")}


def test_another_script_is_another_version(tmp_path) -> None:
    (tmp_path / "js").mkdir()
    (tmp_path / "index.html").write_text('<script type="module" src="js/main.js"></script>')
    (tmp_path / "config.json").write_text("{}")
    pages = []
    for script in ("old()", "new()"):
        (tmp_path / "js/main.js").write_text(script)
        *_, index = site_files(tmp_path, API)
        pages.append(index.body)
    assert index.key == "index.html"
    assert pages[0] != pages[1]


def test_config_says_how_long_the_bucket_keeps_uploads(files: dict[str, SiteFile]) -> None:
    kept = {each.key: each for each in site_files(SITE, API, kept_days=7)}["config.json"]
    assert json.loads(kept.body)["kept_days"] == 7
    assert "kept_days" not in json.loads(files["config.json"].body)


def test_config_names_the_api_and_the_limits_that_it_has(files: dict[str, SiteFile]) -> None:
    config = json.loads(files["config.json"].body)
    limits = ImageLimits()
    assert config["api"] == f"{API}/"
    assert config["limits"] == {
        "bytes": limits.max_bytes,
        "pixels": limits.max_pixels,
        "side": limits.max_side,
    }


def test_published_files_carry_type_and_life(bucket: S3Client, files: dict[str, SiteFile]) -> None:
    renewed = publish(files.values(), bucket, "site")
    assert {"/index.html", "/config.json"} <= set(renewed)
    assert not any(path.startswith("/v/") for path in renewed)
    script = bucket.head_object(
        Bucket="site", Key=next(key for key in files if key.endswith("js/main.js"))
    )
    assert script["ContentType"].startswith("text/javascript")
    assert bucket.head_object(Bucket="site", Key="index.html")["CacheControl"] == (
        "public, max-age=60"
    )


def test_stack_is_told_of_the_sites_origin_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    parameters = {
        "AllowedOrigins": {"Type": "CommaDelimitedList", "Default": "http://localhost:8080"},
        "Model": {"Type": "String"},
    }
    queue = {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": {"Ref": "Model"}}}
    template = {"Parameters": parameters, "Resources": {"Queue": queue}}
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "any")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "any")
    with ministack(tmp_path) as url:
        monkeypatch.setenv("AWS_ENDPOINT_URL", url)
        cloudformation = boto3.client("cloudformation")
        cloudformation.create_stack(
            StackName="maskdrop",
            TemplateBody=json.dumps(template),
            Parameters=[{"ParameterKey": "Model", "ParameterValue": "mine"}],
        )
        cloudformation.get_waiter("stack_create_complete").wait(StackName="maskdrop")
        stacks = Stacks()
        assert stacks.allow_origin("maskdrop", "https://site.example")
        assert not stacks.allow_origin("maskdrop", "https://site.example")
        [stack] = cloudformation.describe_stacks(StackName="maskdrop")["Stacks"]
    assert {each["ParameterKey"]: each["ParameterValue"] for each in stack["Parameters"]} == {
        "AllowedOrigins": "http://localhost:8080,https://site.example",
        "Model": "mine",
    }
