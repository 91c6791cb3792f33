"""Draw a report as SVG: horizontal bars of one column, with its spread."""

from __future__ import annotations

from pathlib import Path

from handler.bench.report import Report, Row, written

_ROW_INCHES = 0.34


def draw(report: Report, column: str, unit: str, path: Path) -> None:
    """Write bars of `column`; a row is named by its cells of text. Raises OSError."""
    import matplotlib as mpl

    mpl.use("svg")
    from matplotlib import pyplot as plt

    rows = [row for row in report.rows if isinstance(row[column], dict | float | int)]
    spreads = [_spread(row[column]) for row in rows]
    middles = [middle for middle, _, _ in spreads]
    below = [middle - low for middle, low, _ in spreads]
    above = [high - middle for middle, _, high in spreads]
    size = (8, 0.9 + _ROW_INCHES * len(rows))
    with plt.rc_context({"svg.hashsalt": report.name, "svg.fonttype": "none"}):
        figure, axes = plt.subplots(figsize=size, layout="constrained")
        places = range(len(rows))
        axes.barh(places, middles, xerr=[below, above], color="#56b4e9", ecolor="#444444")
        axes.set_yticks(places, [_label(row) for row in rows])
        axes.invert_yaxis()
        axes.set_xlabel(f"{column}, {unit}")
        axes.set_xlim(0, 1.18 * max(high for _, _, high in spreads))
        for place, (middle, _, high) in enumerate(spreads):
            axes.annotate(
                written(float(middle)),
                (high, place),
                (4, 0),
                textcoords="offset points",
                va="center",
            )
        axes.spines[["top", "right"]].set_visible(False)
        path.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(path, metadata={"Date": None})
        plt.close(figure)


def _spread(value: dict[str, float] | float) -> tuple[float, float, float]:
    if isinstance(value, dict):
        return value["median"], value["low"], value["high"]
    return value, value, value


def _label(row: Row) -> str:
    return ", ".join(cell for cell in row.values() if isinstance(cell, str))
