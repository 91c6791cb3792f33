"""The report of a batch: a page with every photograph's overlay, and failures by cause."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from pathlib import Path
from urllib.parse import quote

from handler.client.outcomes import Outcome, Photo, list_found
from handler.client.result_folder import write_file
from handler.schemas import Manifest

CONTACT_SHEET = "contact-sheet.html"

_PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
:root {{ color-scheme: light dark }}
body {{ font: 15px/1.4 system-ui, sans-serif; margin: 2rem }}
main {{ display: grid; grid-template-columns: repeat(auto-fill, minmax(16rem, 1fr)); gap: 1rem }}
figure {{ margin: 0 }}
img {{ width: 100%; height: 12rem; object-fit: contain; background: #8882 }}
figcaption, li {{ overflow-wrap: anywhere }}
</style>
<h1>{title}</h1>
{failures}
<main>
{figures}
</main>
</html>
"""


def failures_by_cause(outcomes: Iterable[Outcome]) -> Mapping[str, Sequence[Outcome]]:
    """Group what failed, the most frequent cause first."""
    causes: dict[str, list[Outcome]] = defaultdict(list)
    for each in outcomes:
        if each.manifest is None:
            causes[each.cause].append(each)
    return dict(sorted(causes.items(), key=lambda item: -len(item[1])))


def write_contact_sheet(outcomes: Sequence[Outcome], folder: Path) -> Path:
    """Write the page beside the folders of the results; answers its path."""
    failed = failures_by_cause(outcomes)
    ordered = sorted(outcomes, key=lambda each: each.photo.folder)
    page = _PAGE.format(
        title=f"{len(outcomes)} photographs, {sum(map(len, failed.values()))} failed",
        failures="\n".join(_failures(cause, each) for cause, each in failed.items()),
        figures="\n".join(_figure(each.photo, each.manifest) for each in ordered if each.manifest),
    )
    path = folder / CONTACT_SHEET
    write_file(page.encode(), path)
    return path


def _failures(cause: str, outcomes: Sequence[Outcome]) -> str:
    rows = (f"<li>{escape(str(each.photo.path))}: {escape(each.error)}</li>" for each in outcomes)
    return f"<h2>{escape(cause)} ({len(outcomes)})</h2>\n<ul>{''.join(rows)}</ul>"


def _figure(photo: Photo, manifest: Manifest) -> str:
    folder, name = quote(photo.folder), escape(photo.name)
    shown = "overlay.jpg" in manifest.outputs
    inside = f'<img src="{folder}/overlay.jpg" loading="lazy" alt="{name}">' if shown else name
    caption = f"{name}: {escape(list_found(manifest))}"
    return f'<figure><a href="{folder}/">{inside}</a><figcaption>{caption}</figcaption></figure>'
