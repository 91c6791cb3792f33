from __future__ import annotations

from pathlib import Path

import pytest

from model.weights.version_folder import next_version, written_whole


def test_folder_appears_when_the_block_ends(tmp_path: Path):
    folder = tmp_path / "cats" / "1"
    with written_whole(folder) as scratch:
        (scratch / "manifest.json").write_text("{}")
        assert not folder.exists()

    assert [file.name for file in folder.iterdir()] == ["manifest.json"]


def test_error_leaves_the_old_folder_and_no_scratch(tmp_path: Path):
    folder = tmp_path / "1"
    folder.mkdir()
    (folder / "old").touch()

    with pytest.raises(FileNotFoundError), written_whole(folder) as scratch:
        (scratch / "missing" / "new").touch()

    assert [each.name for each in tmp_path.iterdir()] == ["1"]
    assert (folder / "old").exists()


def test_next_version_follows_the_highest(tmp_path: Path):
    assert next_version(tmp_path, "cats") == 1
    for number in (2, 10):
        (tmp_path / "cats" / str(number)).mkdir(parents=True)

    assert next_version(tmp_path, "cats") == 11
