"""What `detect`, `upload` and `batch` share: the run over photographs and all that it prints.

standard output   a line per photograph as it is done, then the files about all of them;
                  with --json the manifests alone
standard error    what was skipped, progress, failures as they happen, a summary
"""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import typer

from handler.client.outcomes import Outcome, count_causes
from handler.client.photo_search import Search
from handler.client.result_folder import check_writable, write_file
from handler.client.text import printable
from handler.commands.outcome_lines import Layout, lay_out
from handler.commands.terminal import (
    INTERRUPTED,
    RunProgress,
    output_width,
    run_progress,
    say_error,
    say_note,
)
from handler.detection.annotation_files import ANNOTATION_FORMATS, AnnotationFile

Outcomes = Generator[Outcome, None, None] | Iterator[Outcome]


class Detect(Protocol):
    """Starts the detection of all photographs; told how many bytes of one were sent."""

    def __call__(self, progress: RunProgress) -> Outcomes:
        """Answer the outcomes as they come."""


@dataclass(frozen=True, slots=True)
class RunOutput:
    """What a run writes and prints beside each photograph's results."""

    out: Path | None
    exports: tuple[AnnotationFile, ...] = ()
    contact_sheet: bool = False
    as_json: bool = False
    quiet: bool = False

    def check(self) -> None:
        """Raise NotWritable, before any work, for what could not be written after it."""
        if self.out:
            check_writable(self.out, (each.name for each in self.exports))


@dataclass(slots=True)
class _Run:
    """One run as it goes on."""

    search: Search
    report: RunOutput
    progress: RunProgress
    lines: Layout
    outcomes: list[Outcome] = field(default_factory=list)
    printed: int = 0

    def take(self, outcome: Outcome) -> None:
        """Print one photograph's outcome, and put it into the exports."""
        self.outcomes.append(outcome)
        self.progress.advance(failed=outcome.manifest is None)
        if outcome.manifest is None:
            say_error(f"{outcome.photo.path}: {outcome.error}")
            return
        for export in self.report.exports:
            export.add(outcome.manifest, outcome.photo.title, outcome.photo.image_id)
        if self.report.as_json:
            before = b",\n" if self.printed else b"["
            # Bytes: JSON is UTF-8 whatever the terminal's encoding is.
            typer.echo(before + outcome.manifest.model_dump_json().encode(), nl=False)
        elif not self.report.quiet:
            if not self.printed and self.lines.header:
                self.progress.print(self.lines.header)
            self.progress.print(self.lines.line(outcome, outcome.manifest))
        self.printed += 1


def make_annotation_files(names: Sequence[str]) -> tuple[AnnotationFile, ...]:
    """The files about all photographs among the outputs that were asked for."""
    return tuple(AnnotationFile(name) for name in ANNOTATION_FORMATS if name in names)


def run_photos(search: Search, report: RunOutput, detect: Detect) -> None:
    """Detect in all photographs; ends the command with 1 for failures, 130 after Ctrl-C."""
    if not report.quiet and (skipped := str(search.skipped)):
        say_note(skipped)
    started = time.monotonic()
    total = len(search.photos)
    lines = lay_out(search.photos, report.out, output_width())
    with run_progress(total, hidden=report.quiet or total < 2) as progress:
        run = _Run(search, report, progress, lines)
        interrupted = _take_all(run, detect(progress))
    if report.as_json:
        typer.echo("]" if run.printed else "[]")
    lost = not _write_files(run)
    _sum_up(run, time.monotonic() - started, interrupted)
    failed = any(each.manifest is None for each in run.outcomes)
    if interrupted:
        raise typer.Exit(INTERRUPTED)
    if failed or lost:
        raise typer.Exit(1)


def _take_all(run: _Run, outcomes: Outcomes) -> bool:
    """Take every outcome; answers whether Ctrl-C ended that early."""
    try:
        for each in outcomes:
            run.take(each)
    except KeyboardInterrupt:
        if isinstance(outcomes, Generator):
            outcomes.close()
        return True
    return False


def _write_files(run: _Run) -> bool:
    """Write the files about all photographs and print their paths; answers whether all could."""
    out, report = run.report.out, run.report
    if out is None:
        return True
    files = [(each.name, each.encode()) for each in report.exports]
    if report.contact_sheet:
        from handler.client.contact_sheet import CONTACT_SHEET, contact_sheet

        files.append((CONTACT_SHEET, contact_sheet(run.outcomes).encode()))
    written = [_write(data, out / name, report) for name, data in files]
    return all(written)


def _write(data: bytes, path: Path, report: RunOutput) -> bool:
    try:
        write_file(data, path)
    except OSError as error:
        say_error(f"{path} cannot be written: {error.strerror or error}.")
        return False
    if not report.as_json and not report.quiet:
        typer.echo(printable(str(path)))
    return True


def _sum_up(run: _Run, seconds: float, interrupted: bool) -> None:
    """Say in one line what became of the photographs, where that is not plain to see."""
    total, failed = len(run.search.photos), [each for each in run.outcomes if not each.manifest]
    kept = sum(each.kept for each in run.outcomes)
    done = len(run.outcomes) - len(failed) - kept
    left = total - len(run.outcomes)
    is_plain = not failed and not interrupted
    if is_plain and (run.report.quiet or run.report.as_json or total < 2):
        return
    parts = [f"{done:,} detected"]
    parts += [f"{kept:,} kept from an earlier run"] if kept else []
    if failed:
        parts.append(f"{len(failed):,} failed ({count_causes(each.cause for each in failed)})")
    parts += [f"{left:,} not done"] if left else []
    line = f"{total:,} photograph{'s' * (total != 1)}: {', '.join(parts)}, in {seconds:.1f} s."
    if interrupted:
        again = " Run the same command again to continue." if run.report.out else ""
        say_error(f"Interrupted. {line}{again}")
    elif failed:
        say_error(line)
    else:
        say_note(line)
    if not run.report.quiet and not run.report.as_json:
        _say_cost([each for each in run.outcomes if not each.kept])


def _say_cost(outcomes: Sequence[Outcome]) -> None:
    """Sum up the receipts of a service that is charged for."""
    receipts = [each.manifest.receipt for each in outcomes if each.manifest]
    costs = [each.cost for each in receipts if each.cost]
    if costs:
        gb_seconds, usd = sum(each.gb_seconds for each in costs), sum(each.usd for each in costs)
        say_note(
            f"{gb_seconds:.2f} GB-seconds of {costs[0].platform}, about ${usd:.6f} "
            f"({costs[0].prices})."
        )
