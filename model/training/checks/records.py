"""A COCO file's records, read one by one, so that a broken one hides no other."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from model.runtime.errors import DataError
from model.training.checks.findings import MALFORMED, Finding, Id

# JSON as Python reads it may hold NaN and Infinity.
Pixels = Annotated[float, Field(allow_inf_nan=False)]
# NumPy, in which scores are counted, has 64 bits for a number.
Number = Annotated[int, Field(ge=-(2**63), lt=2**63)]
RecordId = Number | Annotated[str, Field(min_length=1)]
# What a file leaves out, which JSON's null does not.
NO_AREA = -1.0
NO_ID = ""


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, strict=True)


class Image(_Record):
    """One photograph; `labeled_category_ids` names the classes labelled in full there.

    shows: names of what is to be seen and not annotated.
    """

    id: RecordId
    file_name: Annotated[str, Field(min_length=1)]
    width: Annotated[int, Field(gt=0)]
    height: Annotated[int, Field(gt=0)]
    labeled_category_ids: Literal["all80"] | list[Number] = "all80"
    shows: list[str] = Field(default_factory=list)


class Annotation(_Record):
    """One object; `bbox` is x, y, width, height; `segmentation` is looked at elsewhere.

    id, area: NO_ID and NO_AREA where the file leaves them out.
    """

    id: RecordId = NO_ID
    image_id: RecordId
    category_id: Number
    bbox: Annotated[list[Pixels], Field(min_length=4, max_length=4)]
    segmentation: Any = None
    iscrowd: Literal[0, 1] | bool = 0
    area: Annotated[float, Field(ge=0, allow_inf_nan=False)] = NO_AREA


class Category(_Record):
    """One class."""

    id: Number
    name: Annotated[str, Field(min_length=1)]


@dataclass(frozen=True, slots=True)
class DataSet:
    """The records of the file `name`, a path, that are whole, and the faults of the others.

    folder: where its photographs are.
    """

    name: str
    folder: Path
    images: tuple[Image, ...]
    annotations: tuple[Annotation, ...]
    categories: tuple[Category, ...]
    findings: tuple[Finding, ...]

    @property
    def image_by_id(self) -> dict[Id, Image]:
        """The photographs by id; of several with one id, the first."""
        return {each.id: each for each in reversed(self.images)}

    @property
    def class_names(self) -> dict[int, str]:
        """The classes by id."""
        return {each.id: each.name for each in self.categories}


def read_data_set(file: Path, folder: Path) -> DataSet:
    """Read a COCO file; raises DataError for one that is not JSON, or has not its three lists."""
    try:
        data = json.loads(file.read_bytes())
    except OSError as error:
        raise DataError(f"{file} cannot be read: {error.strerror}.") from None
    except (ValueError, RecursionError) as error:
        raise DataError(f"{file} is not JSON: {error}.") from None
    findings: list[Finding] = []
    return DataSet(
        str(file),
        folder,
        _read(Image, file, data, "images", findings),
        _read(Annotation, file, data, "annotations", findings),
        _read(Category, file, data, "categories", findings),
        tuple(findings),
    )


_Each = TypeVar("_Each", bound=_Record)


def _read(
    record: type[_Each], file: Path, data: Any, part: str, findings: list[Finding]
) -> tuple[_Each, ...]:
    entries = data.get(part) if isinstance(data, dict) else None
    if not isinstance(entries, list):
        raise DataError(f"{file} has no list {part!r}; COCO's format is expected.")
    whole = []
    for index, entry in enumerate(entries):
        try:
            whole.append(record.model_validate(entry))
        except ValidationError as error:
            findings.append(_malformed(file, part, index, entry, error.errors()))
    return tuple(whole)


def _malformed(file: Path, part: str, index: int, entry: Any, errors: Sequence[Any]) -> Finding:
    """Say what the first error is, and name the record by its id where it has one."""
    field = next((str(key) for key in errors[0]["loc"]), "")
    says = f"{part}[{index}]{'.' * bool(field)}{field}: {errors[0]['msg'].lower()}"
    named = entry if isinstance(entry, dict) else {}
    ids = {key: named.get(key) for key in ("id", "image_id")}
    known = {key: value if isinstance(value, Id) else None for key, value in ids.items()}
    return Finding(
        MALFORMED,
        str(file),
        says,
        image_id=known["id" if part == "images" else "image_id"],
        annotation_id=known["id"] if part == "annotations" else None,
    )
