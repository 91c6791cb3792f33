"""What a model is: the `manifest.json` beside its files; pydantic checks what one says."""

from __future__ import annotations

import hashlib
import json
import reprlib
from dataclasses import asdict, dataclass, field
from pathlib import Path, PurePosixPath
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, ConfigDict, TypeAdapter, ValidationError
from pydantic_core import from_json

from model.runtime.errors import DigestMismatch, ManifestError, ModelNotFound

SCHEMA_VERSION = 1
MANIFEST_NAME = "manifest.json"
# JSON's types as they are: neither "1" nor true is a number.
STRICT = ConfigDict(strict=True)

# How a photograph is put into its input shape.
ResizeMode = Literal["fit", "square"]


def _relative(name: str) -> str:
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or not path.parts:
        raise ValueError("it is outside the model's folder")
    return name


def _distinct(classes: tuple[ModelClass, ...]) -> tuple[ModelClass, ...]:
    if not classes:
        raise ValueError("at least one class is expected")
    for key in ("id", "name"):
        if len({getattr(each, key) for each in classes}) < len(classes):
            raise ValueError(f"two classes have the same {key}")
    return classes


# A path relative to the version's folder, with `/`.
RelativePath = Annotated[str, AfterValidator(_relative)]


@dataclass(frozen=True, slots=True)
class ModelClass:
    """One thing the model can find; `id` is COCO's where the class is COCO's."""

    __pydantic_config__ = STRICT

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

    __pydantic_config__ = STRICT

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

    __pydantic_config__ = STRICT

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

    __pydantic_config__ = STRICT

    class_id: int
    class_name: str
    score: float
    box: tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Golden:
    """An image beside the manifest, and what the model finds in it at score 0.5 and above."""

    __pydantic_config__ = STRICT

    image: RelativePath
    detections: tuple[GoldenDetection, ...]


@dataclass(frozen=True, slots=True)
class ModelManifest:
    """One version of one model.

    preset_changes: numbers of the network that differ from the preset's, by their name there.
    classes: in the order of the network's labels, label 1 first.
    files: path relative to the folder, with `/` -> its record.
    scores, parity: figures as the evaluation and the export wrote them.
    """

    __pydantic_config__ = STRICT

    name: str
    version: int
    preset: str
    classes: Annotated[tuple[ModelClass, ...], AfterValidator(_distinct)]
    preprocessing: Preprocessing
    files: dict[RelativePath, FileRecord]
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
            text = path.read_bytes()
        except FileNotFoundError:
            raise ManifestError(f"{folder} has no {MANIFEST_NAME}.") from None
        return parse_manifest(text, str(path))

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


def parse_manifest(text: bytes, where: str) -> ModelManifest:
    """Validate a manifest's JSON; `where` opens every ManifestError, which names the field."""
    try:
        data = from_json(text)
    except ValueError as error:
        raise ManifestError(f"{where} is not JSON: {error}.") from None
    if not isinstance(data, dict):
        raise ManifestError(f"{where} is a JSON {type(data).__name__}; an object is expected.")
    # They have defaults for those who make a manifest; a file says them.
    for name in ("schema_version", "scores", "parity"):
        if name not in data:
            raise ManifestError(f"{where}: {name} is missing.")
    if data["schema_version"] != SCHEMA_VERSION:
        raise ManifestError(
            f"{where}: schema_version is {data['schema_version']}; this version reads "
            f"{SCHEMA_VERSION}."
        )
    try:
        return _MANIFESTS.validate_json(text)
    except ValidationError as error:
        raise ManifestError(f"{where}: {_sentence(error)}") from None


def _sentence(error: ValidationError) -> str:
    """Put the first thing that is wrong into words: `preprocessing.buckets.square[2] is …`."""
    first = error.errors(include_url=False)[0]
    path = ""
    for part in first["loc"]:
        path += f"[{part}]" if isinstance(part, int) else f".{part}" if path else part
    if first["type"] == "missing":
        return f"{path} is missing."
    words = first["msg"].removeprefix("Value error, ")
    return f"{path} is {reprlib.repr(first['input'])}: {words[0].lower()}{words[1:]}."


_MANIFESTS = TypeAdapter(ModelManifest)
