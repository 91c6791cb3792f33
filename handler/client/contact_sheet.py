"""The page of a run: every photograph with its masks, what was found, and failures by cause.

One file without scripts from elsewhere, to be opened where it lies: pictures are those in the
folders beside it. Without JavaScript it is whole too, only the filter does nothing.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from urllib.parse import quote

from handler.client.outcomes import Outcome, cause_words
from handler.client.photo_names import NamedPhoto
from handler.schemas import Manifest

CONTACT_SHEET = "contact-sheet.html"

_STYLE = """
:root { color-scheme: light dark; --line: #8884; --soft: #8882;
  --accent: light-dark(#0a58ca, #8ab4f8);
  --bad: light-dark(#b3261e, #f2b8b5); --quiet: light-dark(#555, #aaa); }
* { box-sizing: border-box }
body { font: 15px/1.45 system-ui, sans-serif; margin: 0 auto; padding: 1.5rem; max-width: 110rem }
h1 { font-size: 1.5rem; margin: 0 }
header p { margin: .25rem 0 1rem; color: var(--quiet) }
nav { display: flex; flex-wrap: wrap; gap: .5rem; margin-bottom: 1rem }
nav button { font: inherit; color: inherit; background: var(--soft); border: 1px solid var(--line);
  border-radius: 999px; padding: .2rem .8rem; cursor: pointer }
nav button[aria-pressed=true] { border-color: var(--accent); color: var(--accent) }
nav:not(.ready) { display: none }
main { display: grid; gap: 1rem;
  grid-template-columns: repeat(auto-fill, minmax(min(18rem, 100%), 1fr)) }
figure { margin: 0; border: 1px solid var(--line); border-radius: .6rem; overflow: hidden }
figure[hidden] { display: none }
figure > a { position: relative; display: grid; place-items: center; aspect-ratio: 4 / 3;
  background: var(--soft); color: var(--quiet); text-decoration: none }
img { position: absolute; inset: 0; width: 100%; height: 100%; object-fit: contain }
figcaption { padding: .6rem .8rem; overflow-wrap: anywhere }
figcaption b { display: block; font-weight: 600 }
figcaption small { color: var(--quiet) }
ul.found { list-style: none; display: flex; flex-wrap: wrap; gap: .3rem; padding: 0;
  margin: .35rem 0 }
ul.found li { background: var(--soft); border-radius: .3rem; padding: 0 .4rem }
a { color: var(--accent) }
section { border: 1px solid var(--bad); border-radius: .6rem; padding: .5rem 1rem;
  margin-bottom: 1rem }
h2 { font-size: 1rem; color: var(--bad); margin: .4rem 0 }
section { max-height: 20rem; overflow: auto }
section ul { margin: .2rem 0 .6rem; padding-left: 1.2rem }
section li { overflow-wrap: anywhere }
@media (max-width: 30rem) { body { padding: 1rem } }
@media print { nav { display: none } figure, section { break-inside: avoid } }
"""

# Shows the photographs of one class. Each figure names its classes, separated by newlines.
_SCRIPT = """
const nav = document.querySelector("nav"), figures = [...document.querySelectorAll("figure")];
nav?.classList.add("ready");
nav?.addEventListener("click", ({ target }) => {
  if (!(target instanceof HTMLButtonElement)) return;
  for (const each of nav.children) each.ariaPressed = String(each === target);
  const wanted = target.dataset.class;
  for (const each of figures)
    each.hidden = wanted !== undefined && !each.dataset.classes.split("\\n").includes(wanted);
});
"""

_PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>{style}</style>
<header><h1>{title}</h1><p>{about}</p></header>
{failures}
{filters}
<main>
{figures}
</main>
<script>{script}</script>
</html>
"""


def contact_sheet(outcomes: Sequence[Outcome]) -> str:
    """Build the page that lies beside the folders of the results."""
    failed = failures_by_cause(outcomes)
    done = [(each.photo, each.manifest) for each in outcomes if each.manifest]
    done.sort(key=lambda each: each[0].folder)
    manifests = [manifest for _, manifest in done]
    return _PAGE.format(
        style=_STYLE,
        script=_SCRIPT,
        title=_title(len(outcomes), sum(map(len, failed.values()))),
        about=escape(_about(manifests)),
        failures=_all_failures(failed),
        filters=_filters(manifests),
        figures="\n".join(_figure(photo, manifest) for photo, manifest in done),
    )


def failures_by_cause(outcomes: Iterable[Outcome]) -> Mapping[str, Sequence[Outcome]]:
    """Group what failed, the most frequent cause first."""
    causes: dict[str, list[Outcome]] = defaultdict(list)
    for each in outcomes:
        if each.manifest is None:
            causes[each.cause].append(each)
    return dict(sorted(causes.items(), key=lambda item: -len(item[1])))


def _title(total: int, failed: int) -> str:
    photographs = f"{total:,} photograph{'s' * (total != 1)}"
    return f"{photographs}, {failed:,} failed" if failed else photographs


def _about(manifests: Sequence[Manifest]) -> str:
    """How many instances there are, which model found them, and what it left out."""
    if not manifests:
        return "No results."
    instances = sum(len(each.detections) for each in manifests)
    models = sorted({f"{each.model.name} {each.model.version}" for each in manifests})
    thresholds = sorted({f"{each.options.score_threshold:g}" for each in manifests})
    return (
        f"{instances:,} instance{'s' * (instances != 1)}, detected by {', '.join(models)}. "
        f"Detections below {', '.join(thresholds)} are hidden."
    )


def _filters(manifests: Sequence[Manifest]) -> str:
    """A button for every class, with the number of photographs that show it."""
    photographs = Counter(name for each in manifests for name in _classes(each))
    nothing = sum(not each.detections for each in manifests)
    if len(photographs) + bool(nothing) < 2:
        return ""
    buttons = ['<button type="button" aria-pressed="true">All</button>']
    buttons += [_button(name, name, count) for name, count in photographs.most_common()]
    buttons += [_button("", "nothing found", nothing)] if nothing else []
    return f'<nav aria-label="Show a class">{"".join(buttons)}</nav>'


def _button(name: str, words: str, count: int) -> str:
    return (
        f'<button type="button" aria-pressed="false" data-class="{escape(name)}">'
        f"{escape(words)} {count:,}</button>"
    )


def _classes(manifest: Manifest) -> list[str]:
    return list(dict.fromkeys(each.class_name for each in manifest.detections))


def _all_failures(failed: Mapping[str, Sequence[Outcome]]) -> str:
    causes = "\n".join(_failures(cause, each) for cause, each in failed.items())
    return f'<section tabindex="0" aria-label="Failures">{causes}</section>' if failed else ""


def _failures(cause: str, outcomes: Sequence[Outcome]) -> str:
    rows = (f"<li>{escape(each.photo.path)}: {escape(each.error)}</li>" for each in outcomes)
    title = f"{len(outcomes):,} failed: {escape(cause_words(cause))}"
    return f"<h2>{title}</h2>\n<ul>{''.join(rows)}</ul>"


def _figure(photo: NamedPhoto, manifest: Manifest) -> str:
    folder, name = quote(photo.folder), escape(photo.title)
    classes = escape("\n".join(_classes(manifest)))
    picture = _picture(manifest)
    inside = (
        f'<img src="{folder}/{picture}" loading="lazy" decoding="async" alt="{name}, with masks">'
        if picture
        else "No overlay"
    )
    seconds = sum(manifest.receipt.milliseconds.values()) / 1000
    about = f"{manifest.source.width}×{manifest.source.height}, {seconds:.2f} s"
    return (
        f'<figure data-classes="{classes}"><a href="{folder}/{picture}">{inside}</a>'
        f'<figcaption><b>{name}</b>{_found(manifest)}<small>{about} · <a href="{folder}/">files</a>'
        f' · <a href="{folder}/manifest.json">manifest</a></small></figcaption></figure>'
    )


def _picture(manifest: Manifest) -> str:
    """The output that shows the most: the overlay, else what is nearest to it; empty for none."""
    pictures = [each for each in manifest.outputs if each.endswith((".jpg", ".png"))]
    first = {"overlay.jpg": 0, "labels.png": 2}
    best = min(pictures, key=lambda name: first.get(name, 1), default="")
    return quote(best)


def _found(manifest: Manifest) -> str:
    """A list item for every class: how many there are, and the score of the most certain."""
    best: dict[str, list[float]] = defaultdict(list)
    for each in manifest.detections:
        best[each.class_name].append(each.score)
    items = (
        f"<li>{len(scores)} {escape(name)} <small>{max(scores):.0%}</small></li>"
        for name, scores in best.items()
    )
    return f'<ul class="found">{"".join(items) or "<li>nothing found</li>"}</ul>'
