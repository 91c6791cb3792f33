from __future__ import annotations

import json
from pathlib import Path

import pytest
from coco_album import write_coco


@pytest.fixture
def album(tmp_path: Path) -> Path:
    """A folder with train.json (4 photographs), val.json (2) and images/."""
    write_coco(tmp_path, "train", 4)
    write_coco(tmp_path, "val", 2)
    return tmp_path


@pytest.fixture
def edit(album: Path):
    """Rewrite one of the album's COCO files: edit("train.json", annotations=[])."""

    def rewrite(name: str, **parts: object) -> Path:
        path = album / name
        path.write_text(json.dumps(json.loads(path.read_text()) | parts))
        return path

    return rewrite
