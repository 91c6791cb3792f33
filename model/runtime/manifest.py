"""What a model is: the `manifest.json` beside its files."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any, Literal, TypeVar

from model.runtime.errors import DigestMismatch, ManifestError, ModelNotFound

SCHEMA_VERSION = 1
MANIFEST_NAME = "manifest.json"

_T = TypeVar("_T")
# How a photograph is put into its input shape.
ResizeMode = Literal["fit", "square"]


@dataclass(frozen=True, slots=True)
class ModelClass:
    """One thing the model can find; `id` is COCO's where the class is COCO's."""

    id: int
    name: str


@dataclass(frozen=True, slots=True)
class Preprocessing:
    """How a photograph becomes the network's input.

    mean, std: per RGB channel, in pixel values; applied inside the graph.
    min_size, max_size: the preset's, pixels; for the record, the buckets decide.
    buckets: name -> (height, width) of one static input shape, pixels.
    pad: the RGB pixel that fills what the photograph does not cover.
    resize_mode: "fit" has the photograph at the top left, as large as it fits; "square" in the
    middle, enlarged no further than to a short side of min_size, as matterport's models were
    trained.
    """

    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    min_size: int
    max_size: int
    buckets: dict[str, tuple[int, int]]
    pad: tuple[int, int, int]
    resize_mode: ResizeMode = "fit"


@dataclass(frozen=True, slots=True)
class FileRecord:
    """A file's SHA-256 in hex and its size in bytes."""

    sha256: str
    bytes: int

    @classmethod
    def of(cls, path: Path) -> FileRecord:
        """Measure the file at `path`."""
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        return cls(sha256=digest, bytes=path.stat().st_size)


@dataclass(frozen=True, slots=True)
class GoldenDetection:
    """One instance that must be found again; `box` is x1 y1 x2 y2 in the image's pixels."""

    class_id: int
    class_name: str
    score: float
    box: tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Golden:
    """An image beside the manifest, and what the model finds in it at score 0.5 and above."""

    image: str
    detections: tuple[GoldenDetection, ...]


@dataclass(frozen=True, slots=True)
class ModelManifest:
    """One version of one model.

    preset_changes: numbers of the network that differ from the preset's, by their name there.
    classes: in the order of the network's labels, label 1 first.
    files: path relative to the folder, with `/` -> its record.
    scores, parity: figures as the evaluation and the export wrote them.
    """

    name: str
    version: int
    preset: str
    classes: tuple[ModelClass, ...]
    preprocessing: Preprocessing
    files: dict[str, FileRecord]
    source: str
    licence: str
    created: str
    preset_changes: dict[str, Any] = field(default_factory=dict)
    golden: Golden | None = None
    scores: dict[str, Any] = field(default_factory=dict)
    parity: dict[str, Any] = field(default_factory=dict)
    schema_version: int = SCHEMA_VERSION

    @property
    def digest(self) -> str:
        """SHA-256 in hex over all that decides what the model answers."""
        identity = {
            "classes": [asdict(each) for each in self.classes],
            "preprocessing": _identity(self.preprocessing),
            "files": {name: record.sha256 for name, record in self.files.items()},
        }
        return hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()

    @classmethod
    def load(cls, folder: Path) -> ModelManifest:
        """Read and validate `folder`'s manifest.

        Raises ModelNotFound without a folder, ManifestError for a manifest that is
        missing, not JSON, of another schema version, or wrong in a field.
        """
        if not folder.is_dir():
            raise ModelNotFound(f"{folder} is not a folder; a model version is expected there.")
        path = folder / MANIFEST_NAME
        try:
            data = json.loads(path.read_bytes())
        except FileNotFoundError:
            raise ManifestError(f"{folder} has no {MANIFEST_NAME}.") from None
        except ValueError as error:
            raise ManifestError(f"{path} is not JSON: {error}.") from None
        return parse_manifest(data, str(path))

    def save(self, folder: Path) -> None:
        """Write the manifest into `folder`."""
        text = json.dumps(asdict(self), indent=2, ensure_ascii=False)
        (folder / MANIFEST_NAME).write_text(text + "\n", encoding="utf-8")

    def check_files(self, folder: Path, *names: str) -> None:
        """Hold the files `names` against their records.

        Raises ManifestError for a file that is missing or not listed, DigestMismatch
        for one with other bytes.
        """
        for name in names:
            path = folder / name
            if name not in self.files:
                raise ManifestError(f"{folder / MANIFEST_NAME} lists no file {name}.")
            if not path.is_file():
                raise ManifestError(f"{path} is missing; {MANIFEST_NAME} lists it.")
            expected, found = self.files[name].sha256, FileRecord.of(path).sha256
            if found != expected:
                raise DigestMismatch(
                    f"{path} has SHA-256 {found}; {MANIFEST_NAME} expects {expected}."
                )

    def files_under(self, prefix: str) -> list[str]:
        """List the files whose path begins with `prefix`, sorted."""
        return sorted(name for name in self.files if name.startswith(prefix))


def _identity(preprocessing: Preprocessing) -> dict[str, Any]:
    """What digests are made from; "fit" is left out, as it was before there was another mode."""
    values = asdict(preprocessing)
    if preprocessing.resize_mode == "fit":
        del values["resize_mode"]
    return values


def parse_manifest(data: object, where: str) -> ModelManifest:
    """Validate parsed JSON; `where` opens every ManifestError."""
    fields = _Fields(data, where)
    version = fields.take("schema_version", int)
    if version != SCHEMA_VERSION:
        raise ManifestError(
            f"{where}: schema_version is {version}; this version reads {SCHEMA_VERSION}."
        )
    return ModelManifest(
        name=fields.take("name", str),
        version=fields.take("version", int),
        preset=fields.take("preset", str),
        classes=_classes(fields),
        preprocessing=_preprocessing(fields.child("preprocessing")),
        files={
            _relative(name, where): FileRecord(
                sha256=record.take("sha256", str), bytes=record.take("bytes", int)
            )
            for name, record in fields.child("files").children()
        },
        source=fields.take("source", str),
        licence=fields.take("licence", str),
        created=fields.take("created", str),
        preset_changes=(
            fields.take("preset_changes", dict) if fields.has("preset_changes") else {}
        ),
        golden=_golden(fields.child("golden")) if fields.has("golden") else None,
        scores=fields.take("scores", dict),
        parity=fields.take("parity", dict),
    )


def _classes(fields: _Fields) -> tuple[ModelClass, ...]:
    classes = tuple(
        ModelClass(id=each.take("id", int), name=each.take("name", str))
        for each in fields.items("classes")
    )
    if not classes:
        raise ManifestError(f"{fields.where}: classes is empty; at least one is expected.")
    for key in ("id", "name"):
        if len({getattr(each, key) for each in classes}) < len(classes):
            raise ManifestError(f"{fields.where}: two classes have the same {key}.")
    return classes


def _preprocessing(fields: _Fields) -> Preprocessing:
    buckets = fields.child("buckets")
    return Preprocessing(
        mean=fields.numbers("mean", 3),
        std=fields.numbers("std", 3),
        min_size=fields.take("min_size", int),
        max_size=fields.take("max_size", int),
        buckets={name: buckets.numbers(name, 2, int) for name in buckets.names()},
        pad=fields.numbers("pad", 3, int),
        resize_mode=_resize_mode(fields),
    )


def _resize_mode(fields: _Fields) -> ResizeMode:
    # Manifests from before there was a second one do not say.
    mode = fields.take("resize_mode", str) if fields.has("resize_mode") else "fit"
    if mode not in ("fit", "square"):
        raise ManifestError(f"{fields.where}: resize_mode is {mode!r}; fit or square is expected.")
    return "fit" if mode == "fit" else "square"


def _golden(fields: _Fields) -> Golden:
    return Golden(
        image=_relative(fields.take("image", str), fields.where),
        detections=tuple(
            GoldenDetection(
                class_id=each.take("class_id", int),
                class_name=each.take("class_name", str),
                score=each.take("score", float),
                box=each.numbers("box", 4),
            )
            for each in fields.items("detections")
        ),
    )


class _Fields:
    """A JSON object that is read field by field, with errors that name the field."""

    def __init__(self, data: object, where: str) -> None:
        if not isinstance(data, dict):
            raise ManifestError(f"{where} is a JSON {type(data).__name__}; an object is expected.")
        self._data: Mapping[str, Any] = data
        self.where = where

    def has(self, name: str) -> bool:
        return self._data.get(name) is not None

    def names(self) -> list[str]:
        return list(self._data)

    def take(self, name: str, kind: Callable[..., _T]) -> _T:
        if name not in self._data:
            raise ManifestError(f"{self.where}: {name} is missing.")
        return self._of_kind(self._data[name], kind, name)

    def numbers(self, name: str, length: int, kind: Callable[..., Any] = float) -> tuple[Any, ...]:
        values: list[object] = self.take(name, list)
        if len(values) != length:
            raise ManifestError(
                f"{self.where}: {name} has {len(values)} numbers; {length} are expected."
            )
        return tuple(self._of_kind(value, kind, name) for value in values)

    def child(self, name: str) -> _Fields:
        return _Fields(self.take(name, dict), f"{self.where}: {name}")

    def children(self) -> Iterator[tuple[str, _Fields]]:
        return ((name, self.child(name)) for name in self._data)

    def items(self, name: str) -> Iterator[_Fields]:
        values: list[object] = self.take(name, list)
        for index, item in enumerate(values):
            yield _Fields(item, f"{self.where}: {name}[{index}]")

    def _of_kind(self, value: object, kind: Callable[..., _T], name: str) -> _T:
        accepted = (int, float) if kind is float else kind
        if not isinstance(value, accepted) or isinstance(value, bool):  # type: ignore[arg-type]
            expected = getattr(kind, "__name__", str(kind))
            raise ManifestError(f"{self.where}: {name} is {value!r}; {expected} is expected.")
        return kind(value)


def _relative(name: str, where: str) -> str:
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or not path.parts:
        raise ManifestError(f"{where}: file {name!r} is outside the model's folder.")
    return name
