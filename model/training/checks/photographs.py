"""Faults that the photographs show: missing, broken, of another size, there twice.

Every file is read whole once, on all cores; Pillow decodes without Python's lock.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from PIL import Image as Pictures

from model.photographs import read_thumbnail
from model.runtime.errors import DataError
from model.training.checks.findings import (
    DUPLICATE_PHOTOGRAPH,
    LEAK,
    MISSING_FILE,
    OTHER_SIZE,
    SIDEWAYS,
    UNREADABLE_FILE,
    Finding,
    Rule,
)
from model.training.checks.perceptual_hash import Hash, nearest_alike, perceptual_hash
from model.training.checks.records import DataSet, Image

# All that the hash needs, pixels; a large JPEG is not decoded whole for it.
_SMALL = (128, 128)


@dataclass(frozen=True, slots=True)
class ReadablePhotograph:
    """A file that could be read.

    size: width and height as stored. orientation: EXIF's, 1 is upright.
    digest: of its bytes. hash: of what it shows, upright.
    """

    image: Image
    size: tuple[int, int]
    orientation: int
    digest: bytes
    hash: Hash


def read_photographs(
    data: DataSet, on_each: Callable[[], None]
) -> tuple[list[ReadablePhotograph], list[Finding]]:
    """Read every photograph of a set, and say which cannot be; `on_each` is called for each."""
    photographs, findings = [], []
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for outcome in pool.map(lambda image: _read(data, image), data.images):
            on_each()
            if isinstance(outcome, Finding):
                findings.append(outcome)
            else:
                photographs.append(outcome)
    return photographs, findings


def check_sizes(data: DataSet, photographs: Sequence[ReadablePhotograph]) -> Iterator[Finding]:
    """Find photographs of another size than the JSON states, and those on their side."""
    for each in photographs:
        stated = (each.image.width, each.image.height)
        shown = f"{each.size[0]}×{each.size[1]}"
        if each.orientation != 1:
            says = f"EXIF orientation {each.orientation}, {shown} as stored"
            yield _of(SIDEWAYS, says, data, each)
        elif each.size != stated:
            says = f"{stated[0]}×{stated[1]} is stated; the file's is {shown}"
            yield _of(OTHER_SIZE, says, data, each)


def check_duplicates(data: DataSet, photographs: Sequence[ReadablePhotograph]) -> Iterator[Finding]:
    """Find photographs that show what an earlier one of the set shows."""
    for each, other, same in _copies(photographs):
        yield _of(DUPLICATE_PHOTOGRAPH, _likeness(same, other, ""), data, each)


def check_leaks(
    train: DataSet,
    learnt: Sequence[ReadablePhotograph],
    val: DataSet,
    scored: Sequence[ReadablePhotograph],
) -> Iterator[Finding]:
    """Find photographs of the validation set that show what one of the training set shows."""
    for each, other, same in _copies(scored, learnt):
        yield _of(LEAK, _likeness(same, other, f" of {train.name}"), val, each)


def _copies(
    photographs: Sequence[ReadablePhotograph], originals: Sequence[ReadablePhotograph] | None = None
) -> Iterator[tuple[ReadablePhotograph, ReadablePhotograph, bool]]:
    """Yield (copy, original, whether byte by byte); without originals, of earlier ones."""
    among = photographs if originals is None else originals
    hashes = np.array([each.hash for each in among], np.uint64).reshape(-1, 2, 2)
    digests = {each.digest: index for index, each in reversed(list(enumerate(among)))}
    for index, each in enumerate(photographs):
        end = index if originals is None else len(among)
        same = digests.get(each.digest, end)
        if same < end:
            yield each, among[same], True
            continue
        alike = nearest_alike(each.hash, hashes[:end])
        if alike is not None:
            yield each, among[alike], False


def _likeness(same: bool, other: ReadablePhotograph, origin: str) -> str:
    verb = "is the same file as" if same else "shows the same as"
    return f"{verb} {other.image.file_name} (image {other.image.id}){origin}"


def _read(data: DataSet, image: Image) -> ReadablePhotograph | Finding:
    path = data.folder / image.file_name
    try:
        content = path.read_bytes()
    except OSError as error:
        says = f"{path} cannot be read: {error.strerror}"
        return _fault(MISSING_FILE, says, data, image)
    except ValueError as error:
        return _fault(MISSING_FILE, f"file_name is no file's: {error}", data, image)
    try:
        record, pixels = read_thumbnail(path, content, _SMALL)
    except DataError as error:
        return _fault(UNREADABLE_FILE, str(error), data, image)
    return ReadablePhotograph(
        image,
        record.stored_size,
        record.orientation,
        hashlib.sha256(content).digest(),
        perceptual_hash(Pictures.fromarray(pixels)),
    )


def _of(rule: Rule, says: str, data: DataSet, photograph: ReadablePhotograph) -> Finding:
    return _fault(rule, says, data, photograph.image)


def _fault(rule: Rule, says: str, data: DataSet, image: Image) -> Finding:
    return Finding(rule, data.name, says, image.file_name, image.id)
