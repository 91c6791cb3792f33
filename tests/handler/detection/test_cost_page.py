"""docs/cost.md says what the prices, the formula and the measurements make of each other."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from cost_page import PAGE, measured, with_tables
from memory_store import MemoryObjectStore
from painting import photo
from service import make_services
from typer.testing import CliRunner

from handler.commands.main import app
from handler.detection.cost_table import WAITED_MS, Work, monthly_usd, photograph_usd
from handler.prices import AS_OF
from handler.schemas import Manifest, Options

WORK = Work(photograph="any", cpu_ms=50, outputs=3)


def test_the_page_has_the_tables_that_follow_from_the_measurements() -> None:
    page = PAGE.read_text()
    assert with_tables(page, measured()) == page
    assert AS_OF in page
    assert f"adds {WAITED_MS} ms" in page


def test_a_photograph_is_charged_for_computing_and_waiting() -> None:
    # 50 ms + 7 requests × 25 ms
    assert WORK.milliseconds == 225
    # 1,769 / 1,024 GB × 0.225 s × $0.0000166667 + $0.0000002
    assert photograph_usd("Lambda x86-64", WORK) == pytest.approx(6.678e-6, rel=1e-3)


def test_the_buckets_requests_are_charged_at_their_prices() -> None:
    # 5 writes at $5, 6 reads at $0.40 a million
    assert WORK.bucket_usd == pytest.approx(27.4e-6)


def test_an_instance_costs_the_same_whatever_it_does() -> None:
    # (1 × $0.04048 + 2 × $0.004445) × 730 hours
    assert monthly_usd("Lambda x86-64") == pytest.approx(36.04, abs=0.01)


class CountingStore(MemoryObjectStore):
    """A bucket that counts what is asked of it; in memory, `get` is also a `head`."""

    def __init__(self) -> None:
        super().__init__()
        self.counts: Counter[str] = Counter()

    def head(self, key: str, **options: Any) -> Any:
        self.counts["reads"] += 1
        return super().head(key, **options)

    def put(self, key: str, body: bytes, **options: Any) -> Any:
        self.counts["writes"] += 1
        return super().put(key, body, **options)


def test_a_detection_asks_of_the_bucket_what_is_counted() -> None:
    store = CountingStore()
    store.put("uploads/1/photo.png", photo(), content_type="image/png")
    store.counts.clear()
    stored = make_services(store=store).stored
    task = stored.plan("uploads/1/photo.png", Options())
    assert stored.finished(task) is None
    manifest = stored.detect_stored(task)
    assert isinstance(manifest, Manifest)
    work = Work.of(manifest)
    assert store.counts == {"reads": work.service_gets, "writes": work.service_puts}


def test_the_command_prices_the_results_of_others(tmp_path: Path, colour_model: Path) -> None:
    (tmp_path / "beach.png").write_bytes(photo())
    runner = CliRunner(env={"MASKDROP_MODEL": str(colour_model)})
    runner.invoke(app, ["detect", str(tmp_path / "beach.png"), "--out", str(tmp_path / "out")])
    answer = runner.invoke(app, ["cost", str(tmp_path / "out/beach")])
    assert answer.exit_code == 0
    assert "| beach.png, 128×96 |" in answer.stdout


def test_a_folder_that_is_no_result_is_named(tmp_path: Path) -> None:
    answer = CliRunner().invoke(app, ["cost", str(tmp_path)])
    assert answer.exit_code == 1
    assert f"{tmp_path} is not a result folder" in answer.stderr.replace("\n", "")
