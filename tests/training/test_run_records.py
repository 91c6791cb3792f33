from __future__ import annotations

from pathlib import Path

from model.training.records import append, forget_after, read


def test_rows_are_read_as_they_were_written(tmp_path: Path):
    path = tmp_path / "losses.csv"
    append(path, {"step": 1, "loss": 0.5})
    append(path, {"step": 2, "loss": 0.25})
    assert read(path) == [{"step": 1, "loss": 0.5}, {"step": 2, "loss": 0.25}]


def test_steps_that_are_taken_again_are_forgotten(tmp_path: Path):
    path = tmp_path / "losses.csv"
    append(path, {"step": 1, "loss": 0.5}, {"step": 2, "loss": 0.25})
    forget_after(path, 1)
    append(path, {"step": 2, "loss": 0.125})
    assert read(path)[-1] == {"step": 2, "loss": 0.125}
    assert len(read(path)) == 2


def test_row_that_was_cut_off_is_left_out(tmp_path: Path):
    path = tmp_path / "losses.csv"
    path.write_text("step,loss\n1,0.5\n2,")
    assert read(path) == [{"step": 1, "loss": 0.5}]
