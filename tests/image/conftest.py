"""A bucket on a real S3 server, for containers that share this machine's network."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from handler.bucket.s3 import S3ObjectStore
from handler.local.seaweedfs import LocalS3, local_s3

SAMPLES = Path(__file__).parents[2] / "site/samples"
BUCKET = "maskdrop-example"

FIGURES = pytest.StashKey[list[str]]()


@pytest.fixture(scope="session")
def seaweedfs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalS3]:
    with local_s3(tmp_path_factory.mktemp("seaweedfs")) as server:
        yield server


@pytest.fixture(scope="session")
def store(seaweedfs: LocalS3) -> S3ObjectStore:
    client = seaweedfs.client()
    client.create_bucket(Bucket=BUCKET)
    return S3ObjectStore(BUCKET, client)


@pytest.fixture(scope="session")
def environment(seaweedfs: LocalS3, store: S3ObjectStore) -> dict[str, str]:
    """What a deployment sets."""
    return {
        "AWS_ACCESS_KEY_ID": seaweedfs.access_key_id,
        "AWS_SECRET_ACCESS_KEY": seaweedfs.secret_access_key,
        "MASKDROP_BUCKET": store.bucket,
        "MASKDROP_S3_ENDPOINT": seaweedfs.endpoint_url,
    }


@pytest.fixture(scope="session")
def cat() -> bytes:
    return (SAMPLES / "chelsea.jpg").read_bytes()


@pytest.fixture(scope="session")
def report(pytestconfig: pytest.Config) -> Callable[[str], None]:
    """Takes a line of figures for the end of the run."""
    return pytestconfig.stash.setdefault(FIGURES, []).append


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    terminalreporter.section("measured")
    for line in config.stash.get(FIGURES, []):
        terminalreporter.line(line)
