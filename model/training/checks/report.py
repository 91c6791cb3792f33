"""Findings as a table for people, and as JSON for machines."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from rich.markup import escape
from rich.table import Table

from model.training.check_data import DataReport
from model.training.checks.classes import count_objects
from model.training.checks.findings import Finding, Rule

_EXAMPLES = 3
_STYLES = {"error": "red", "warning": "yellow"}


def report_table(report: DataReport) -> Table:
    """A row per kind of fault, errors first: how many, the cure, and the first few."""
    table = Table("", "found", box=None, padding=(0, 2, 1, 0))
    table.columns[0].justify = "right"
    for rule, findings in _grouped(report):
        lines = [f"[{_STYLES[rule.level]}]{rule.level}: {rule.title}[/]", escape(rule.cure)]
        lines += map(_example, findings[:_EXAMPLES])
        table.add_row(f"{len(findings):,}", "\n".join(lines))
    return table


def report_summary(report: DataReport) -> list[str]:
    """Say in a line what each file holds, and in the last what was found."""
    lines = []
    for data in report.data_sets:
        counts = count_objects(data)
        sizes = (
            _several(len(data.images), "photograph"),
            f"{_several(counts.total(), 'object')} of "
            f"{_several(sum(count > 0 for count in counts.values()), 'class', 'classes')}",
        )
        lines.append(f"{data.name}: {', '.join(sizes)}")
    errors, warnings = report.count("error"), report.count("warning")
    return [*lines, f"{_several(errors, 'error')}, {_several(warnings, 'warning')}"]


def report_json(report: DataReport) -> dict[str, Any]:
    """Everything that was found, as JSON's types."""
    return {
        "errors": report.count("error"),
        "warnings": report.count("warning"),
        "data": [
            {
                "file": data.name,
                "photographs": len(data.images),
                "objects": {data.class_names[id_]: n for id_, n in count_objects(data).items()},
            }
            for data in report.data_sets
        ],
        "findings": [
            {
                "rule": each.rule.name,
                "level": each.rule.level,
                "file": each.file,
                "photograph": each.photograph,
                "image_id": each.image_id,
                "annotation_id": each.annotation_id,
                "says": each.says,
                "cure": each.rule.cure,
            }
            for each in report.findings
        ],
    }


def _grouped(report: DataReport) -> list[tuple[Rule, list[Finding]]]:
    groups: dict[Rule, list[Finding]] = defaultdict(list)
    for finding in report.findings:
        groups[finding.rule].append(finding)
    return sorted(groups.items(), key=lambda group: group[0].level != "error")


def _example(finding: Finding) -> str:
    return escape(f"– {finding.where}: {finding.says}.")


def _several(number: int, one: str, many: str = "") -> str:
    return f"{number:,} {one if number == 1 else many or one + 's'}"
