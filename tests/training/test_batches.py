"""Run by `make test-training`, which installs PyTorch."""

from __future__ import annotations

import multiprocessing
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="training needs PyTorch: make test-training")

from model.training.batches import UnreadablePhotograph, batches
from model.training.dataset import BatchSampler, DetectionDataset
from model.training.samples import read_samples
from model.training.troubles import explain


@pytest.fixture
def loaded(album: Path):
    """Batches of two of the album's four photographs."""
    samples = read_samples(album / "train.json", album / "images", [1, 17])
    sampler = BatchSampler(samples, np.ones(4), 2, (64,), seed=0)
    return batches(DetectionDataset(samples, [1, 17]), sampler, workers=1)


def test_batch_knows_its_photographs(loaded, album: Path):
    with loaded as endless:
        batch = next(endless)
    assert len(batch.images) == len(batch.targets) == 2
    assert {path.parent for path in batch.paths} == {album / "images"}


def test_loading_ends_with_the_block(loaded):
    with loaded as endless:
        next(endless)
    assert multiprocessing.active_children() == []


@pytest.mark.parametrize(
    ("content", "reason"),
    [(None, "No such file or directory"), (b"no picture", "cannot identify image file")],
)
def test_photograph_that_cannot_be_read_is_named(
    content: bytes | None, reason: str, loaded, album: Path
):
    for number in range(1, 5):
        path = album / "images" / f"train-{number}.png"
        path.unlink() if content is None else path.write_bytes(content)
    with (
        pytest.raises(UnreadablePhotograph, match=rf"train-\d.png cannot be read: {reason}"),
        loaded as endless,
    ):
        next(endless)


def test_death_of_a_loading_process_is_explained(loaded):
    def kill_the_process_and_read_on() -> None:
        with loaded as endless:
            for child in multiprocessing.active_children():
                child.kill()
            for _ in range(100):
                next(endless)

    with pytest.raises(RuntimeError) as error:
        kill_the_process_and_read_on()
    assert explain(error.value) == (
        "A process that reads photographs was ended, perhaps for want of memory."
    )
