"""A model's scores as Markdown, for its card: from the manifest, without scoring again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from model.evaluation.negatives import share
from model.evaluation.tables import number, with_range
from model.runtime.errors import DataError
from model.runtime.manifest import ModelManifest

BEGIN, END = "<!-- scores -->", "<!-- /scores -->"

_COLUMNS = ("objects", "mask AP", "mask AP50", "mask AP75", "box AP", "box AP50", "box AP75")
_NAMES = {"litert": "`.tflite`", "saved_model": "SavedModel", "float32": "float32 weights"}


def write_scores(manifest: ModelManifest, file: Path) -> None:
    """Put the tables between the markers of a Markdown file; raises DataError without them."""
    text = file.read_text(encoding="utf-8")
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise DataError(f"{file} lacks the lines {BEGIN} and {END}, between which scores go.")
    file.write_text(f"{before}{BEGIN}\n{score_block(manifest)}{END}{after}", encoding="utf-8")


def score_block(manifest: ModelManifest) -> str:
    """A table for every artifact and data set that was scored, after what it is.

    Raises DataError where there are no scores, or an older Maskdrop's.
    """
    if not manifest.scores:
        raise DataError(
            f"{manifest.name}, version {manifest.version}, has no scores; "
            "`maskdrop model evaluate` makes them."
        )
    try:
        return "\n".join(
            line
            for artifact, files in manifest.scores.items()
            for file, figures in files.items()
            for line in _table(manifest, artifact, file, figures)
        )
    except KeyError as error:
        raise DataError(
            f"The scores of {manifest.name}, version {manifest.version}, lack {error}; "
            "`maskdrop model evaluate` makes them anew."
        ) from None


def _table(
    manifest: ModelManifest, artifact: str, file: str, figures: dict[str, Any]
) -> Iterator[str]:
    masks, boxes = figures["segm"], figures["bbox"]
    # Scores of before version 0.6 have none.
    edges = figures.get("boundary")
    spread = f"; in brackets the range of 95 % of {figures['resamples']} resamples"
    yield (
        f"Version {manifest.version}, {_NAMES[artifact]}, {figures['photographs']} photographs of "
        f"`{file}`{spread if figures['resamples'] else ''}:\n"
    )
    columns = (*_COLUMNS, "boundary AP") if edges else _COLUMNS
    yield f"| | {' | '.join(columns)} |"
    yield f"|---|{'---:|' * len(columns)}"
    for index, (mask, box) in enumerate(zip(masks["classes"], boxes["classes"], strict=True)):
        yield _row(mask["name"], mask, box, edges and edges["classes"][index])
    yield _row("**all**", masks, boxes, edges)
    for size in ("small", "medium", "large"):
        objects = max(each[f"objects_{size}"] for each in (masks, boxes))
        mask_ap, box_ap = (number(each[f"ap_{size}"]) for each in (masks, boxes))
        edge_ap = f" {number(edges[f'ap_{size}'])} |" if edges else ""
        yield f"| {size} | {objects} | {mask_ap} | | | {box_ap} | | |{edge_ap}"
    yield ""
    if "negatives" in figures:
        yield from _false_alarms(figures["negatives"])


def _false_alarms(figures: dict[str, Any]) -> Iterator[str]:
    names = list(dict.fromkeys(name for row in figures["rows"] for name in row["found"]))
    yield (
        f"And in the photographs of `{figures['file']}`, in how many of those without any it "
        f"finds one at a score of {figures['score']}:\n"
    )
    yield f"| shows | photographs | {' | '.join(names)} |"
    yield f"|---|{'---:|' * (len(names) + 1)}"
    for row in figures["rows"]:
        cells = [row["shows"], str(row["photographs"])]
        cells += [share(row["found"].get(name)) for name in names]
        yield f"| {' | '.join(cells)} |"
    yield ""


def _row(name: str, mask: dict[str, Any], box: dict[str, Any], edges: dict[str, Any] | None) -> str:
    cells = [name, str(max(mask["objects"], box["objects"]))]
    for each in (mask, box):
        cells += [with_range(each[key], each[f"{key}_interval"]) for key in ("ap", "ap50")]
        cells.append(number(each["ap75"]))
    if edges:
        cells.append(with_range(edges["ap"], edges["ap_interval"]))
    return f"| {' | '.join(cells)} |"
