"""How many processors a process may use, as its container's quota says."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from model.runtime.backends import litert
from model.runtime.machine import usable_cpus
from model.runtime.manifest import ModelManifest

AFFINITY = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()


def cgroup(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(f"{text}\n")
    return folder


@pytest.mark.parametrize(
    ("files", "cpus"),
    [
        ({"cpu.max": "100000 100000"}, 1),
        ({"cpu.max": "50000 100000"}, 1),
        ({"cpu.max": "max 100000"}, AFFINITY),
        ({"cpu.max": "100000000 100000"}, AFFINITY),
        ({"cpu/cpu.cfs_quota_us": "100000", "cpu/cpu.cfs_period_us": "100000"}, 1),
        ({"cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "100000"}, AFFINITY),
        ({}, AFFINITY),
    ],
)
def test_a_quota_bounds_the_processors(tmp_path: Path, files: dict[str, str], cpus: int) -> None:
    assert usable_cpus(cgroup(tmp_path, files)) == cpus


@pytest.mark.parametrize(("threads", "taken"), [(None, 1), (3, 3)])
def test_litert_takes_as_many_threads_as_the_quota_allows(
    colour_model: Path, monkeypatch: pytest.MonkeyPatch, threads: int | None, taken: int
) -> None:
    class Recorded(Exception):
        pass

    def interpreter(path: str, **settings: Any) -> None:
        raise Recorded(json.dumps(settings))

    monkeypatch.setattr(litert, "usable_cpus", lambda: 1)
    monkeypatch.setattr(litert, "Interpreter", interpreter)
    with pytest.raises(Recorded, match=f'"num_threads": {taken}'):
        litert.LiteRTBackend(colour_model, ModelManifest.load(colour_model), threads)
