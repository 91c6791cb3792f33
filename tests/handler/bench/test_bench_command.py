"""`maskdrop bench` on a small model: real runs, few rounds."""

import json
from concurrent.futures import ThreadPoolExecutor

import pytest
from painting import photo
from service import COLOUR_MODEL
from typer.testing import CliRunner

from handler.commands.main import app


@pytest.fixture
def bench(tmp_path):
    """Run a benchmark; answers its JSON."""
    photograph = tmp_path / "photo.png"
    photograph.write_bytes(photo())

    def run(command, *words):
        told = tmp_path / "report.json"
        asked = ["bench", command, "--model", str(COLOUR_MODEL), "--photo", str(photograph)]
        words = [*asked, "--json", str(told), *words]
        # A thread of its own: in the main one Playwright's event loop runs, once a browser is up.
        with ThreadPoolExecutor(1) as thread:
            done = thread.submit(CliRunner().invoke, app, words).result()
        assert done.exit_code == 0, done.output
        return json.loads(told.read_text())

    return run


def test_latency_tells_every_size_and_draws_it(bench, tmp_path):
    picture = tmp_path / "latency.svg"
    report = bench("latency", *("--size", "64x48", "--size", "128x96"), "--rounds", "2",
                   "--picture", str(picture))  # fmt: skip
    assert [row["photograph"] for row in report["rows"]] == ["64×48", "128×96"]
    row = report["rows"][1]
    assert row["found"] == 2
    assert 0 < row["ms"]["low"] <= row["ms"]["median"] <= row["ms"]["high"]
    assert row["ratio"]["median"] == 1
    assert report["machine"]["cores"] >= 1
    assert picture.read_text().rstrip().endswith("</svg>")


def test_four_sizes_give_a_cost_curve_with_residuals(bench):
    sizes = [word for side in (32, 64, 96, 128) for word in ("--size", f"{side}x{side}")]
    report = bench("latency", *sizes, "--rounds", "1")
    assert "ms a megapixel" in report["notes"][0]
    assert "residuals" in report["notes"][0]


def test_cold_imports_the_entry_in_a_fresh_process(bench):
    [row] = bench("cold", "--rounds", "1")["rows"]
    assert 0 < row["import s"]["median"] < row["to first answer s"]["median"]


def test_memory_is_below_the_promise(bench):
    [row] = bench("memory", "--size", "640x480", "--rounds", "1")["rows"]
    assert row["ready MB"]["median"] <= row["peak MB"]["median"] < 200


def test_throughput_is_of_a_real_server(bench):
    rows = bench("throughput", "--size", "64x48", "--seconds", "1", "--rounds", "1")["rows"]
    assert [row["load"] for row in rows[:3]] == ["1 in flight", "2 in flight", "4 in flight"]
    assert all(row["answered"] > 0 and row["failed"] == 0 for row in rows)


def test_a_size_that_is_none_is_refused(tmp_path):
    words = ["bench", "latency", "--model", str(COLOUR_MODEL), "--size", "640"]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 1
    assert "'640' is no size" in done.output + done.stderr
