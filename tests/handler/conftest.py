"""The far sides of the service: a bucket in memory, moto's AWS, a real S3 server."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import pytest
from memory_store import MemoryObjectStore

from handler.bucket.objects import ObjectStore
from handler.bucket.s3 import S3ObjectStore, s3_client

if TYPE_CHECKING:
    from handler.local.seaweedfs import LocalS3

# The servers are imported where they start: most tests need none, and moto takes a second.
_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def moto_url() -> Iterator[str]:
    """AWS as moto plays it: no signature, expiry or policy is checked."""
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture(scope="session")
def seaweedfs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalS3]:
    """A real S3 server; about four seconds to start."""
    from handler.local.seaweedfs import local_s3

    with local_s3(tmp_path_factory.mktemp("seaweedfs")) as server:
        yield server


@pytest.fixture
def sign_in(monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], None]:
    """Put an access key and its secret where AWS's chain of credentials finds them."""
    import boto3

    def put(access_key_id: str, secret_access_key: str) -> None:
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", access_key_id)
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", secret_access_key)
        # It keeps the keys that it found first.
        monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)

    return put


@pytest.fixture
def moto_store(moto_url: str) -> S3ObjectStore:
    """A bucket of one's own on moto."""
    keys = {"access_key_id": "any", "secret_access_key": "any"}
    client = s3_client("us-east-1", endpoint_url=moto_url, **keys)
    bucket = f"bucket-{next(_numbers)}"
    client.create_bucket(Bucket=bucket)
    return S3ObjectStore(bucket, client)


@pytest.fixture
def seaweedfs_store(seaweedfs: LocalS3) -> S3ObjectStore:
    """A bucket of one's own on SeaweedFS."""
    bucket = f"bucket-{next(_numbers)}"
    client = seaweedfs.client()
    client.create_bucket(Bucket=bucket)
    return S3ObjectStore(bucket, client)


@pytest.fixture
def store(request: pytest.FixtureRequest) -> ObjectStore:
    """The bucket that a test's parameter names; in memory where it names none."""
    name = getattr(request, "param", "memory")
    if name == "memory":
        return MemoryObjectStore()
    found: ObjectStore = request.getfixturevalue(f"{name}_store")
    return found
