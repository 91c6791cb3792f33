"""Scores as tables for a terminal of 80 columns; AP as a fraction, differences in points."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.table import Table

if TYPE_CHECKING:
    from model.evaluation.scores import ClassScore, Evaluation, Interval, Scores
    from model.evaluation.truth import Kind


_HEADINGS: dict[Kind, str] = {"segm": "mask AP", "bbox": "box AP", "boundary": "boundary AP"}


def score_table(masks: Scores, boxes: Scores) -> Table:
    """A row per class, then all, then by size; a range holds 95 % of the resamples."""
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column("", no_wrap=True)
    for heading in ("objects", "mask AP", "mask AP50", "AP75", "box AP", "AP50", "AP75"):
        table.add_column(heading, justify="right", no_wrap=True)
    for mask, box in zip(masks.classes, boxes.classes, strict=True):
        table.add_row(*_row(mask.name, mask, box))
    table.add_section()
    table.add_row(*_row("all", masks, boxes), style="bold")
    for size in ("small", "medium", "large"):
        # Boxes too: a file without masks counts no object for them.
        objects = max(getattr(each, f"objects_{size}") for each in (masks, boxes))
        mask_ap, box_ap = (number(getattr(each, f"ap_{size}")) for each in (masks, boxes))
        table.add_row(size, str(objects), mask_ap, "", "", box_ap, "", "")
    return table


def boundary_table(boundaries: Scores) -> Table:
    """A row per class, then all, then by size, of boundary AP (Cheng et al. 2021)."""
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column("", no_wrap=True)
    for heading in ("objects", "boundary AP", "AP50", "AP75"):
        table.add_column(heading, justify="right", no_wrap=True)
    for each in boundaries.classes:
        table.add_row(each.name, str(each.objects), *_figures(each))
    table.add_section()
    table.add_row("all", str(boundaries.objects), *_figures(boundaries), style="bold")
    for size in ("small", "medium", "large"):
        ap = number(getattr(boundaries, f"ap_{size}"))
        table.add_row(size, str(getattr(boundaries, f"objects_{size}")), ap, "", "")
    return table


def comparison_table(
    evaluations: dict[str, dict[Kind, Evaluation]], kinds: tuple[Kind, Kind] = ("segm", "bbox")
) -> Table:
    """AP of two, under their names, and the difference in points of 100, by class."""
    [(first, reference), (second, other)] = evaluations.items()
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column("", no_wrap=True)
    for shape in (_HEADINGS[kind] for kind in kinds):
        for heading in (f"{shape}\n{first}", f"\n{second}", "\npoints"):
            table.add_column(heading, justify="right", no_wrap=True)
    cells = [_comparison(reference[kind], other[kind]) for kind in kinds]
    scores = other["bbox"].scores
    names = [*(each.name for each in scores.classes), "all"]
    for name, first_kind, second_kind in zip(names, *cells, strict=True):
        table.add_row(name, *first_kind, *second_kind, style="bold" if name == "all" else "")
    return table


def _comparison(reference: Evaluation, other: Evaluation) -> Sequence[tuple[str, str, str]]:
    before, after = (
        [*(each.ap for each in scores.classes), scores.ap]
        for scores in (reference.scores, other.scores)
    )
    changes = (_points(*each) for each in other.less(reference))
    return list(zip(map(number, before), map(number, after), changes, strict=True))


def _row(name: str, mask: ClassScore | Scores, box: ClassScore | Scores) -> tuple[str, ...]:
    return (
        name,
        str(max(mask.objects, box.objects)),
        *_figures(mask),
        *_figures(box),
    )


def _figures(scores: ClassScore | Scores) -> tuple[str, str, str]:
    ap = with_range(scores.ap, scores.ap_interval)
    return ap, number(scores.ap50), number(scores.ap75)


def number(ap: float) -> str:
    """Three decimals; a dash where there is no object."""
    return "–" if ap < 0 else f"{ap:.3f}"


def with_range(ap: float, interval: Interval) -> str:
    """`0.374 (0.32–0.45)`; the number alone where no interval was made."""
    if interval is None:
        return number(ap)
    low, high = interval
    return f"{ap:.3f} ({low:.2f}–{high:.2f})"


def _points(change: float, interval: Interval) -> str:
    if interval is None:
        return f"{100 * change:+.1f}"
    low, high = interval
    return f"{100 * change:+.1f} ({100 * low:+.1f}, {100 * high:+.1f})"
