import json
import shutil

import pytest

from model.runtime.errors import DigestMismatch, ManifestError, ModelNotFound
from model.runtime.manifest import FileRecord, ModelManifest
from model.runtime.manifest import parse_manifest as parse_text


def parse_manifest(fields, where):
    return parse_text(json.dumps(fields).encode(), where)


@pytest.fixture
def fields(colour_model):
    """The parsed JSON of a manifest that is right."""
    return json.loads((colour_model / "manifest.json").read_text())


@pytest.fixture
def folder(colour_model, tmp_path):
    """A copy of a model that may be damaged."""
    return shutil.copytree(colour_model, tmp_path / "1")


def test_what_is_saved_is_loaded(colour_model, tmp_path):
    manifest = ModelManifest.load(colour_model)
    manifest.save(tmp_path)
    assert ModelManifest.load(tmp_path) == manifest
    assert [each.name for each in manifest.classes] == ["person", "cat", "dog"]


def test_no_folder_is_no_model(tmp_path):
    with pytest.raises(ModelNotFound, match="nowhere is not a folder"):
        ModelManifest.load(tmp_path / "nowhere")


def test_folder_without_manifest_is_refused(tmp_path):
    with pytest.raises(ManifestError, match=r"has no manifest\.json"):
        ModelManifest.load(tmp_path)


def test_manifest_must_be_json(folder):
    (folder / "manifest.json").write_text("{")
    with pytest.raises(ManifestError, match="is not JSON"):
        ModelManifest.load(folder)


def test_unknown_schema_version_is_refused(fields):
    with pytest.raises(ManifestError, match="here: schema_version is 2; this version reads 1"):
        parse_manifest(fields | {"schema_version": 2}, "here")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"name": 3}, "here: name is 3: input should be a valid string"),
        ({"version": "1"}, "here: version is '1': input should be a valid integer"),
        ({"version": True}, "here: version is True: input should be a valid integer"),
        ({"classes": []}, "here: classes is .*: at least one class is expected"),
        ({"classes": [{"id": 1}]}, r"here: classes\[0\]\.name is missing"),
        ({"classes": [{"id": 1, "name": "a"}, {"id": 1, "name": "b"}]}, "have the same id"),
        ({"classes": [{"id": 1, "name": "a"}, {"id": 2, "name": "a"}]}, "have the same name"),
        ({"classes": ["person"]}, r"here: classes\[0\] is 'person': input should be an object"),
        ({"preprocessing": {}}, r"here: preprocessing\.mean is missing"),
        ({"files": {"../weights": {}}}, "'../weights': .*it is outside the model's folder"),
        ({"files": {"/etc/passwd": {}}}, "'/etc/passwd': .*it is outside the model's folder"),
    ],
)
def test_wrong_field_is_named(fields, change, message):
    with pytest.raises(ManifestError, match=message):
        parse_manifest(fields | change, "here")


def test_every_field_but_the_golden_image_is_needed(fields):
    for name in set(fields) - {"golden"}:
        with pytest.raises(ManifestError, match=f"{name} is missing"):
            parse_manifest({key: fields[key] for key in fields if key != name}, "here")
    assert (
        parse_manifest({key: fields[key] for key in fields if key != "golden"}, "").golden is None
    )


def test_bucket_of_three_sides_is_refused(fields):
    fields["preprocessing"]["buckets"]["square"] = [1, 2, 3]
    with pytest.raises(
        ManifestError,
        match=r"preprocessing\.buckets\.square is \[1, 2, 3\]: tuple should have at most 2 items",
    ):
        parse_manifest(fields, "here")


def test_right_files_pass(folder):
    manifest = ModelManifest.load(folder)
    manifest.check_files(folder, "model.tflite", "golden.png")
    assert manifest.files["golden.png"] == FileRecord.of(folder / "golden.png")


def test_missing_file_is_named(folder):
    (folder / "golden.png").unlink()
    with pytest.raises(ManifestError, match=r"golden\.png is missing; manifest\.json lists it"):
        ModelManifest.load(folder).check_files(folder, "model.tflite", "golden.png")


def test_unlisted_file_is_named(folder):
    with pytest.raises(ManifestError, match=r"manifest\.json lists no file saved_model\.pb"):
        ModelManifest.load(folder).check_files(folder, "saved_model.pb")


def test_changed_file_is_named_with_both_digests(folder):
    manifest = ModelManifest.load(folder)
    (folder / "golden.png").write_bytes(b"other")
    expected = manifest.files["golden.png"].sha256
    with pytest.raises(DigestMismatch, match=rf"golden\.png has SHA-256 d9298a.*{expected}"):
        manifest.check_files(folder, "golden.png")


def test_digest_follows_what_decides_answers_and_nothing_else(fields):
    original = parse_manifest(fields, "here").digest
    renamed = parse_manifest(fields | {"name": "other", "scores": {"map": 0.3}}, "here").digest
    retrained = json.loads(json.dumps(fields))
    retrained["files"]["model.tflite"]["sha256"] = "0" * 64
    assert renamed == original
    assert parse_manifest(retrained, "here").digest != original
