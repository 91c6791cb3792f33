"""Models in a bucket: which version is taken, and that nothing but the whole of it is."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from memory_store import MemoryObjectStore
from service import COLOUR_MODEL, squares

from handler.bucket.objects import ObjectStore
from handler.bucket.s3 import S3ObjectStore
from handler.detection.detector import Detector
from handler.detection.model_source import download_model, find_version, private_folder
from handler.errors import NotReady, ObjectNotFound
from handler.local.seaweedfs import LocalS3
from handler.schemas import Options
from handler.settings import Settings
from handler.wiring import build_services
from model.runtime.errors import DigestMismatch, ManifestError, ModelNotFound, NoRoom
from model.runtime.predictor import Predictor

MODEL = "models/colour"


def put_version(store: ObjectStore, version: int, **changes: Any) -> None:
    """Put the colour model there as this version."""
    for path in COLOUR_MODEL.iterdir():
        body = path.read_bytes()
        if path.name == "manifest.json":
            body = json.dumps(json.loads(body) | {"version": version} | changes).encode()
        store.put(f"{MODEL}/{version}/{path.name}", body, content_type="application/octet-stream")


def version_of(folder: Path) -> int:
    return Predictor.load(folder).manifest.version


@pytest.fixture
def store() -> MemoryObjectStore:
    return MemoryObjectStore()


@pytest.mark.parametrize("name", [MODEL, f"{MODEL}/latest", f"{MODEL}/"])
def test_the_highest_version_is_taken(store: MemoryObjectStore, tmp_path: Path, name: str) -> None:
    for version in (2, 10, 9):
        put_version(store, version)
    assert version_of(download_model(store, name, "litert", tmp_path)) == 10


def test_an_old_version_stays_loadable(store: MemoryObjectStore, tmp_path: Path) -> None:
    put_version(store, 1)
    put_version(store, 2)
    assert version_of(download_model(store, f"{MODEL}/1", "litert", tmp_path)) == 1


def test_a_new_version_is_taken_up_by_the_next_process(
    store: MemoryObjectStore, tmp_path: Path
) -> None:
    put_version(store, 1)
    before = download_model(store, MODEL, "litert", tmp_path)
    put_version(store, 2)
    assert version_of(download_model(store, MODEL, "litert", tmp_path)) == 2
    assert version_of(before) == 1


def test_a_version_counts_once_its_manifest_is_there(store: MemoryObjectStore) -> None:
    put_version(store, 1)
    store.put(f"{MODEL}/2/model.tflite", b"", content_type="application/octet-stream")
    assert find_version(store, MODEL) == f"{MODEL}/1"


def test_a_missing_version_is_named_with_those_that_are_there(store: MemoryObjectStore) -> None:
    put_version(store, 1)
    put_version(store, 2)
    with pytest.raises(ModelNotFound, match=r"s3://bucket/models/colour/7 has .*colour has 1, 2\."):
        find_version(store, f"{MODEL}/7")


def test_what_is_there_whole_is_not_downloaded_again(
    store: MemoryObjectStore, tmp_path: Path
) -> None:
    put_version(store, 1)
    first = download_model(store, MODEL, "litert", tmp_path)
    store.delete([f"{MODEL}/1/model.tflite"])
    assert download_model(store, MODEL, "litert", tmp_path) == first


def test_what_was_damaged_here_is_downloaded_again(
    store: MemoryObjectStore, tmp_path: Path
) -> None:
    put_version(store, 1)
    folder = download_model(store, MODEL, "litert", tmp_path)
    (folder / "model.tflite").write_bytes(b"damaged")
    assert version_of(download_model(store, MODEL, "litert", tmp_path)) == 1


def test_other_bytes_than_the_manifests_are_refused_and_leave_nothing(
    store: MemoryObjectStore, tmp_path: Path
) -> None:
    put_version(store, 1)
    store.put(f"{MODEL}/1/model.tflite", b"other", content_type="application/octet-stream")
    with pytest.raises(DigestMismatch, match=r"s3://bucket/models/colour/1/model\.tflite has SHA"):
        download_model(store, MODEL, "litert", tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_missing_file_is_named(store: MemoryObjectStore, tmp_path: Path) -> None:
    put_version(store, 1)
    store.delete([f"{MODEL}/1/golden.png"])
    with pytest.raises(ObjectNotFound, match=r"s3://bucket/models/colour/1/golden\.png"):
        download_model(store, MODEL, "litert", tmp_path)


def test_what_does_not_fit_is_not_begun(store: MemoryObjectStore, tmp_path: Path) -> None:
    files = {"model.tflite": {"sha256": "0" * 64, "bytes": 10**15}}
    put_version(store, 1, files=files, golden=None)
    with pytest.raises(NoRoom, match=r"s3://bucket/models/colour/1 needs 1000000000\.0 MB in /"):
        download_model(store, MODEL, "litert", tmp_path)


def test_a_file_outside_the_folder_is_refused(store: MemoryObjectStore, tmp_path: Path) -> None:
    put_version(store, 1, files={"../model.tflite": {"sha256": "0" * 64, "bytes": 1}})
    with pytest.raises(ManifestError, match=r"s3://bucket/models/colour/1/manifest\.json: file"):
        download_model(store, MODEL, "litert", tmp_path)


def test_a_folder_that_others_may_write_to_is_not_trusted(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    private_folder().chmod(0o777)
    with pytest.raises(NoRoom, match="is not a folder of ours alone"):
        private_folder()


@pytest.fixture
def bucket(
    seaweedfs: LocalS3,
    seaweedfs_store: S3ObjectStore,
    sign_in: Callable[[str, str], None],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> S3ObjectStore:
    """A real bucket, with keys to it in the environment, and temporary files of our own."""
    sign_in(seaweedfs.access_key_id, seaweedfs.secret_access_key)
    monkeypatch.setenv("MASKDROP_S3_ENDPOINT", seaweedfs.endpoint_url)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    return seaweedfs_store


def detector(bucket: S3ObjectStore) -> Detector:
    return build_services(Settings(model=f"s3://{bucket.bucket}/{MODEL}")).detector


def test_a_service_detects_with_a_model_from_its_bucket(bucket: S3ObjectStore) -> None:
    put_version(bucket, 1)
    put_version(bucket, 2)
    manifest = detector(bucket).detect(squares("green"), Options()).manifest()
    assert (manifest.model.version, manifest.detections[0].class_name) == (2, "cat")


def test_a_bucket_without_the_model_is_no_reason_to_crash(bucket: S3ObjectStore) -> None:
    with pytest.raises(NotReady, match=r"The model cannot be used\. s3://.*/models/colour has"):
        detector(bucket)
