import pytest

from model.runtime.errors import ModelNotFound
from model.runtime.versions import find_model, latest_version, resolve, versions


@pytest.fixture
def base(tmp_path):
    """Two models: `lamp` in versions 1, 2 and 10, and `empty` in none."""
    for version in ("1", "2", "10", "drafts"):
        (tmp_path / "lamp" / version).mkdir(parents=True)
    (tmp_path / "empty").mkdir()
    return tmp_path


def test_versions_are_numbers(base):
    assert versions(base / "lamp") == [1, 2, 10]


@pytest.mark.parametrize("model", ["lamp", "lamp/latest", "lamp/10"])
def test_latest_is_the_highest_integer(base, model):
    assert resolve(base, model) == base / "lamp/10"


def test_version_can_be_pinned(base):
    assert resolve(base, "lamp/2") == base / "lamp/2"


def test_unknown_name_lists_what_is_there(base):
    with pytest.raises(ModelNotFound, match=r"No model 'lapm' in .*; there is empty, lamp"):
        resolve(base, "lapm")


@pytest.mark.parametrize("version", ["3", "drafts", "../empty"])
def test_unknown_version_lists_what_is_there(base, version):
    with pytest.raises(ModelNotFound, match=r"has no version .*; there is 1, 2, 10"):
        resolve(base, f"lamp/{version}")


def test_model_without_versions_is_not_found(base):
    with pytest.raises(ModelNotFound, match=r"neither a manifest.json nor a version folder"):
        resolve(base, "empty")


def test_version_folder_stands_for_itself(colour_model):
    assert latest_version(colour_model) == colour_model
    assert find_model(str(colour_model)) == find_model(str(colour_model.parent)) == colour_model
