"""The text file that names a model's classes."""

from __future__ import annotations

import codecs
from pathlib import Path

from model.runtime.errors import WeightsMismatch
from model.runtime.manifest import ModelClass

# What editors put in front of a text to tell its encoding.
_MARKS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}


def read_classes(path: Path) -> tuple[ModelClass, ...]:
    """Read class names, one a line, in label order; ids count from 1.

    A line may give its own id in front of a tab (`17<TAB>cat`), as COCO numbers its classes.
    A byte order mark is skipped, and so are empty lines at the end.
    Raises WeightsMismatch for another encoding, a line without a name, and a name or an id
    that is given twice.
    """
    lines = _read_text(path).splitlines()
    while lines and not lines[-1].strip():
        lines.pop()
    if not lines:
        raise WeightsMismatch(f"{path} names no class; one a line is expected.")
    classes = [_read_line(path, number, line) for number, line in enumerate(lines, start=1)]
    _check_unique(path, classes)
    return tuple(classes)


def _read_text(path: Path) -> str:
    content = path.read_bytes()
    encoding = next((name for mark, name in _MARKS.items() if content.startswith(mark)), "utf-8")
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise WeightsMismatch(
            f"{path}, line {line}: the byte {content[error.start]:#04x} is not {encoding}. "
            f"Save the file as UTF-8 (from Latin-1: iconv -f latin1 -t utf-8)."
        ) from None
    if "\0" in text:
        raise WeightsMismatch(f"{path} holds NUL characters; a text in UTF-8 is expected.")
    return text


def _read_line(path: Path, number: int, line: str) -> ModelClass:
    first, tab, rest = line.partition("\t")
    own_id, name = (first.strip(), rest.strip()) if tab else (str(number), first.strip())
    if not name or not own_id.isdecimal():
        raise WeightsMismatch(
            f"{path}, line {number}: {line!r} is not a class name (or an id, a tab and a name)."
        )
    return ModelClass(int(own_id), name)


def _check_unique(path: Path, classes: list[ModelClass]) -> None:
    """Classes meet by name whatever its case, in evaluation and where results are filtered."""
    names: dict[str, int] = {}
    ids: dict[int, int] = {}
    for number, each in enumerate(classes, start=1):
        first = names.setdefault(each.name.casefold(), number)
        if first != number:
            raise WeightsMismatch(
                f"{path}, line {number}: the class {each.name!r} is on line {first} too. Give "
                "every label a name of its own."
            )
        first = ids.setdefault(each.id, number)
        if first != number:
            raise WeightsMismatch(
                f"{path}, line {number}: the id {each.id} is on line {first} too."
            )
