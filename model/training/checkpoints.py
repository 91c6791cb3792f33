"""A run's state as a file: written whole or not at all, and read back to the bit.

    checkpoint.pth   all that the next step needs; "model" are the weights that count
    best.pth         those with the best score, nothing else

Both are what `maskdrop model import` reads.
"""

from __future__ import annotations

import os
import pickle
import shutil
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from torchvision.models.detection import MaskRCNN

from model.runtime.errors import TrainingError
from model.runtime.manifest import ModelClass
from model.training.moving_average import CycleMean, MovingAverage

CHECKPOINT = "checkpoint.pth"
BEST = "best.pth"


@dataclass(slots=True)
class Progress:
    """How far a run has come.

    step: steps taken. seconds: of wall clock. evaluated_step, evaluated_seconds: the same
    when the weights that count were last scored. scores: the best that they had.
    cycles: of the learning rate's, those that are over.
    """

    step: int = 0
    seconds: float = 0.0
    evaluated_step: int = 0
    evaluated_seconds: float = 0.0
    cycles: int = 0
    scores: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class TrainingState:
    """What changes while a run goes on, and what it is a run of.

    average: of the last steps. ends: the average as each of several cycles ended.
    Random numbers are not part of it: each step draws its own from the seed and its number.
    """

    preset: str
    classes: Sequence[ModelClass]
    model: MaskRCNN
    average: MovingAverage
    ends: CycleMean
    optimizer: torch.optim.Optimizer
    progress: Progress

    @property
    def weights(self) -> MaskRCNN:
        """The network that counts: the mean of the cycles' ends, until the first the average."""
        return self.ends.model if self.ends.count else self.average.model

    def save(self, run: Path) -> None:
        """Replace `run`'s checkpoint. Raises TrainingError, and leaves the old one."""
        write_whole(
            run / CHECKPOINT,
            {
                "model": self.weights.state_dict(),
                "average": self.average.model.state_dict() if self.ends.count else None,
                "ends": self.ends.count,
                "last": self.model.state_dict(),
                "optimizer": self.optimizer.state_dict(),
                "preset": self.preset,
                "classes": _as_pairs(self.classes),
                "progress": asdict(self.progress),
            },
        )

    def save_best(self, run: Path) -> None:
        """Keep the weights that count. Raises TrainingError, and leaves the old ones."""
        write_whole(run / BEST, {"model": self.weights.state_dict()})

    def restore(self, run: Path) -> None:
        """Go back to `run`'s checkpoint.

        Raises TrainingError: it cannot be read, or is of another preset or other classes.
        """
        path = run / CHECKPOINT
        saved = _read(path)
        self._check(path, saved)
        self.model.load_state_dict(saved["last"])
        self.average.model.load_state_dict(saved.get("average") or saved["model"])
        self.ends.model.load_state_dict(saved["model"])
        self.ends.count = saved.get("ends", 0)
        self.optimizer.load_state_dict(saved["optimizer"])
        for name, value in saved["progress"].items():
            setattr(self.progress, name, value)

    def _check(self, path: Path, saved: dict[str, Any]) -> None:
        if saved["preset"] != self.preset:
            raise TrainingError(
                f"{path} is a checkpoint of the preset {saved['preset']}, not of {self.preset}; "
                "choose another folder with --run."
            )
        if saved["classes"] != _as_pairs(self.classes):
            raise TrainingError(
                f"{path} learns {_names(saved['classes'])}; the data now asks for "
                f"{_names(_as_pairs(self.classes))}. Choose another folder with --run."
            )


def write_whole(path: Path, state: dict[str, Any]) -> None:
    """Save a checkpoint beside its place, then put it there.

    Raises TrainingError, says how much room there is, and leaves what was there before.
    """
    part = path.with_name(f"{path.name}.part")
    try:
        with part.open("wb") as file:
            torch.save(state, file)
            os.fsync(file.fileno())
        part.replace(path)
    except (OSError, RuntimeError) as error:
        # PyTorch's writer turns an OSError into its own RuntimeError.
        free = shutil.disk_usage(path.parent).free / 1e6
        with suppress(OSError):
            part.unlink()
        raise TrainingError(
            f"{path} could not be written ({_cause(error)}; {free:,.0f} MB are free); what was "
            "saved before is untouched. Make room and give the same command again."
        ) from error


def _cause(error: BaseException) -> str:
    while error.__context__ and not isinstance(error, OSError):
        error = error.__context__
    return (isinstance(error, OSError) and error.strerror) or str(error).splitlines()[0]


def _read(path: Path) -> dict[str, Any]:
    try:
        saved: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, RuntimeError, EOFError, pickle.UnpicklingError) as error:
        raise TrainingError(
            f"{path} cannot be read ({str(error).splitlines()[0]}); delete it to begin anew."
        ) from error
    return saved


def _as_pairs(classes: Sequence[ModelClass]) -> list[list[int | str]]:
    return [[each.id, each.name] for each in classes]


def _names(pairs: list[list[Any]]) -> str:
    return ", ".join(f"{number} ({name})" for number, name in pairs)
