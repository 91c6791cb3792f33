"""Bodies that come short or damaged from a real S3 server, through a proxy that does it to them."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
from faulty_s3 import faulty_s3

from handler.bucket import s3
from handler.bucket.s3 import READS, S3ObjectStore
from handler.errors import StorageUnavailable
from handler.local.seaweedfs import LocalS3

BUCKET, KEY = "damaged-reads", "inbox/photo.bin"
BODY = random.Random(7).randbytes(200_000)  # noqa: S311


@pytest.fixture(scope="module")
def server(seaweedfs: LocalS3) -> LocalS3:
    seaweedfs.client().create_bucket(Bucket=BUCKET)
    seaweedfs.client().put_object(Bucket=BUCKET, Key=KEY, Body=BODY)
    return seaweedfs


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(s3, "READ_PAUSE_S", 0.0)


def store_at(server: LocalS3, url: str) -> S3ObjectStore:
    return S3ObjectStore(BUCKET, replace(server, endpoint_url=url).client())


@pytest.mark.parametrize("fault", ["short", "damage"])
def test_a_read_is_repeated_until_it_is_whole(server: LocalS3, fault: str) -> None:
    # Ten reads of up to four answers each, one answer in three of them bad.
    with faulty_s3(server.endpoint_url, {fault: 1 / 3}, seed=2) as proxy:
        store = store_at(server, proxy.url)
        for _ in range(10):
            assert store.get(KEY).body == BODY
        assert proxy.happened[fault] > 0
        assert proxy.happened["requests"] == 10 + proxy.happened[fault]


@pytest.mark.parametrize("fault", ["short", "damage"])
def test_a_body_that_never_comes_whole_is_an_error_and_no_body(server: LocalS3, fault: str) -> None:
    with (
        faulty_s3(server.endpoint_url, {fault: 1}, seed=1) as proxy,
        pytest.raises(StorageUnavailable, match=rf"{KEY}.* came short or damaged {READS} times"),
    ):
        store_at(server, proxy.url).get(KEY)
    assert proxy.happened == {"requests": READS, fault: READS}
