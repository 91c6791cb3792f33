"""Batches from processes that read photographs; what goes wrong there comes as one sentence."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from model.training.dataset import BatchSampler, DetectionDataset
from model.training.interruption import leave_signals_to_the_parent
from model.training.partial_labels import Target

# Batches that each process has ready.
_PREFETCHED = 4


@dataclass(frozen=True, slots=True)
class Batch:
    """Images (3, H, W) of several sizes, their targets, and where they come from."""

    images: list[Tensor]
    targets: list[Target]
    paths: list[Path]

    def to(self, device: torch.device) -> Batch:
        """Move the tensors to the device."""
        targets = [{k: v.to(device) for k, v in target.items()} for target in self.targets]
        return Batch([image.to(device) for image in self.images], targets, self.paths)


@dataclass(frozen=True, slots=True)
class _Unreadable:
    """A photograph that could not be shown: an exception would bring its traceback along."""

    path: Path
    reason: str


_Item = tuple[Tensor, Target, Path] | _Unreadable


class UnreadablePhotograph(Exception):
    """A photograph is missing or damaged; the step before it is complete."""


class _Photographs(Dataset[_Item]):
    def __init__(self, dataset: DetectionDataset) -> None:
        self.dataset = dataset

    def __getitem__(self, key: tuple[int, int, int]) -> _Item:
        path = self.dataset.samples[key[0]].path
        try:
            return *self.dataset[key], path
        except Exception as error:  # whatever Pillow and pycocotools meet in a damaged file
            name = getattr(error, "filename", None) or path
            reason = getattr(error, "strerror", None) or f"{error or type(error).__name__}"
            return _Unreadable(Path(name), reason)


@contextmanager
def batches(
    dataset: DetectionDataset, sampler: BatchSampler, workers: int
) -> Iterator[Iterator[Batch]]:
    """Give batches without end, in the sampler's order; the processes end with the block.

    The iterator raises UnreadablePhotograph.
    """
    loader = DataLoader(
        _Photographs(dataset),
        batch_sampler=sampler,
        num_workers=workers,
        prefetch_factor=_PREFETCHED,
        collate_fn=_collate,
        worker_init_fn=leave_signals_to_the_parent,
    )
    iterator = iter(loader)
    try:
        yield map(_readable, iterator)
    finally:
        # Left to the garbage collector, this may come after the interpreter waits for them.
        iterator._shutdown_workers()


def _readable(batch: Batch | _Unreadable) -> Batch:
    if isinstance(batch, _Unreadable):
        raise UnreadablePhotograph(f"{batch.path} cannot be read: {batch.reason}.")
    return batch


def _collate(items: Sequence[_Item]) -> Batch | _Unreadable:
    """Keep images and targets as lists: their sizes differ."""
    images, targets, paths = [], [], []
    for item in items:
        if isinstance(item, _Unreadable):
            return item
        images.append(item[0])
        targets.append(item[1])
        paths.append(item[2])
    return Batch(images, targets, paths)
