"""Read a checkpoint of any family and turn it into the network's weights."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from model.config import Preset
from model.runtime.errors import CheckpointError, WeightsMismatch
from model.weights.batch_norm import choose_epsilon
from model.weights.checkpoint import read_checkpoint
from model.weights.detectron2 import fold_detectron2
from model.weights.finite import check_finite
from model.weights.matterport import HDF5_START, fold_matterport, read_keras
from model.weights.network_names import is_foreign, recognize_misfit, recognize_names
from model.weights.recognize import recognize
from model.weights.state_dict import Say
from model.weights.torchvision import fold, with_current_names

# In which order a Detectron2 model was given the colours of a pixel.
Channels = Literal["BGR", "RGB"]


def read_weights(
    path: Path, preset: Preset, epsilon: float | None, channels: Channels, say: Say
) -> tuple[dict[str, NDArray[np.float32]], int, Preset]:
    """Return the weights, the class count (background included), and the preset as the file has it.

    epsilon: of BatchNorm; None is what fits the file. say: takes a line for each thing done.
    Raises CheckpointError for a file of another family, WeightsMismatch for another architecture.
    """
    state = _read(path, preset, say)
    epsilon = choose_epsilon(epsilon, preset.batch_norm_epsilon, state, say)
    check_finite(state, epsilon, str(path))
    preset = replace(preset, batch_norm_epsilon=epsilon)
    try:
        return _fold(state, preset, channels, say)
    except WeightsMismatch as error:
        raise WeightsMismatch(_told(state, preset, path, str(error))) from error


def _told(state: dict[str, NDArray[Any]], preset: Preset, path: Path, error: str) -> str:
    """Say what the weights are, where their names tell, before what does not fit."""
    what = recognize_names(state)
    if what is None:
        # torchvision's older names are known by today's.
        what = recognize_misfit({*state, *with_current_names(state)}, preset)
    if what and is_foreign(what):
        return f"{path}: {what}"
    return f"{path}: {what} {error}" if what else error


def _read(path: Path, preset: Preset, say: Say) -> dict[str, NDArray[Any]]:
    """Read a file; what cannot be read is told by its content, if that is known."""
    try:
        if path.is_dir():
            raise CheckpointError(f"{path} is a folder.")
        is_keras = _is_hdf5(path)
        if is_keras != (preset.family == "matterport"):
            raise CheckpointError(_wrong_family(path, is_keras))
        return read_keras(path, say) if is_keras else read_checkpoint(path, say)
    except CheckpointError as error:
        # What HDF5 says of a damaged file of the right kind is better than a guess.
        is_guessed = path.exists() and not (preset.family == "matterport" and _is_hdf5(path))
        what = recognize(path) if is_guessed else None
        raise CheckpointError(f"{path}: {what}" if what else str(error)) from error


def _fold(
    state: dict[str, NDArray[Any]], preset: Preset, channels: Channels, say: Say
) -> tuple[dict[str, NDArray[np.float32]], int, Preset]:
    if preset.family == "matterport":
        return fold_matterport(state, preset)
    if preset.family == "detectron2":
        return fold_detectron2(state, preset, channels, say)
    return *fold(state, preset), preset


def _is_hdf5(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return file.read(len(HDF5_START)) == HDF5_START
    except OSError:
        return False  # The reader says why.


def _wrong_family(path: Path, is_keras: bool) -> str:
    if is_keras:
        return (
            f"{path}: this is an HDF5 file, as Keras writes. Weights of matterport/Mask_RCNN are "
            "imported with --preset matterport-r101 or matterport-r50."
        )
    return f"{path}: this is no HDF5 file; Keras weights of matterport/Mask_RCNN (.h5) are."
