"""Find the model's weights in what a training script saved, under the model's own names.

Every step is mechanical and is told in a line: a wrapper opened, a prefix taken off. Nothing is
guessed from shapes or values, and no weight is dropped.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping
from functools import partial
from typing import Any

from model.runtime.errors import CheckpointError

# Whose instances are weights.
Kinds = type | tuple[type, ...]
# Takes one line for the person who imports.
Say = Callable[[str], None]

# Keys under which training scripts keep the weights, torchvision's first.
_WRAPPERS = (
    "model",
    "state_dict",
    "model_state_dict",
    "weights",
    "model_weights",
    "model_state",
    "net",
    "network",
    "state_dict_ema",
    "model_ema",
    "ema_state_dict",
    "ema",
    "checkpoint",
)
# {"checkpoint": {"model": {"state_dict": …}}} is as deep as anything seen.
_DEEPEST = 3
# What these put into a name, at the start or in front of a submodule: torch.compile, FSDP,
# activation checkpointing.
_INSIDE = {
    "_orig_mod": "torch.compile",
    "_fsdp_wrapped_module": "FSDP",
    "_checkpoint_wrapped_module": "activation checkpointing",
}
# What these put in front of every name.
_PREFIXES = {
    "module": "DistributedDataParallel or an average of weights",
    "model": "Lightning or another wrapper",
    "_forward_module": "Lightning Fabric",
    "net": "a wrapper",
    "network": "a wrapper",
    "detector": "a wrapper",
    "ema_model": "an average of weights",
    "ema": "an average of weights",
}
# torch.optim.swa_utils.AveragedModel counts the models in its average.
_COUNTERS = ("n_averaged",)


def find_state_dict(root: object, kinds: Kinds, say: Say) -> dict[str, Any]:
    """Return the model's tensors, instances of `kinds`, under the model's own names.

    say: takes a line for each wrapper that was opened and each prefix that was taken off.
    Raises CheckpointError where there is no state dict, or two names become one.
    """
    state = _unwrapped(root, kinds, say)
    if {"state", "param_groups"} <= state.keys():
        raise CheckpointError(
            "it holds the state of an optimizer alone; import the file that has the weights."
        )
    several = [str(name) for name in state if isinstance(name, str) and _holds(state, name, kinds)]
    if len(several) > 1:
        raise CheckpointError(
            f"it holds several state dicts ({', '.join(several)}), and none of a usual name. Save "
            "the one that you want alone: torch.save(checkpoint[name], path)."
        )
    for name, value in state.items():
        if not isinstance(name, str) or not isinstance(value, kinds):
            raise CheckpointError(f"{name!r} in its state dict is no dense tensor.")
    return with_plain_names(state, say)


def with_plain_names(state: Mapping[str, Any], say: Say) -> dict[str, Any]:
    """Take off what wrappers put into the names; raises CheckpointError where two become one."""
    names = {name: name for name in state}
    for part, origin in _INSIDE.items():
        if _replace(names, partial(_without, part)):
            say(f"Took {part!r}, of {origin}, out of the names of the weights.")
    counters = [name for name in state if name in _COUNTERS]
    for counter in counters:
        del names[counter]
        say(f"Left out {counter!r}, a counter of averaged models.")
    while prefix := _common_prefix(names.values()):
        _replace(names, partial(_after, f"{prefix}."))
        origin = _PREFIXES.get(prefix, "a wrapper")
        say(f"Took the prefix '{prefix}.', of {origin}, off the names of the weights.")
    twice = [name for name, times in Counter(names.values()).items() if times > 1]
    if twice:
        raise CheckpointError(f"it has {twice[0]!r} twice, once with a wrapper's prefix.")
    return {plain: state[name] for name, plain in names.items()}


def _unwrapped(root: object, kinds: Kinds, say: Say) -> dict[str, Any]:
    state, path = root, ""
    for _ in range(_DEEPEST):
        key = _wrapper(state, kinds)
        if key is None or not isinstance(state, dict):
            break
        state, path = state[key], f"{path}[{key!r}]"
        others = [str(name) for name in _WRAPPERS if name != key and _holds(root, name, kinds)]
        if others:
            say(f"The file also has weights under {', '.join(map(repr, others))}: not used.")
    if not isinstance(state, dict) or not state:
        known = ", ".join(_WRAPPERS[:4])
        raise CheckpointError(f"it holds no state dict, alone or under {known} and the like.")
    if path not in ("", "['model']"):
        say(f"Read the weights from the entry {path}.")
    return state


def _wrapper(state: object, kinds: Kinds) -> str | None:
    """The key under which the weights are; None where `state` has them itself."""
    if not isinstance(state, dict) or any(isinstance(value, kinds) for value in state.values()):
        return None
    for key in _WRAPPERS:
        if isinstance(state.get(key), dict):
            return key
    holders = [key for key in state if isinstance(key, str) and _holds(state, key, kinds)]
    return holders[0] if len(holders) == 1 else None


def _holds(state: object, key: str, kinds: Kinds) -> bool:
    """Whether there is a dict of tensors alone under the key."""
    inner = state.get(key) if isinstance(state, dict) else None
    return (
        isinstance(inner, dict)
        and bool(inner)
        and all(isinstance(value, kinds) for value in inner.values())
    )


def _replace(names: dict[str, str], change: Callable[[str], str]) -> bool:
    changed = {original: change(name) for original, name in names.items()}
    is_new = changed != names
    names.update(changed)
    return is_new


def _after(prefix: str, name: str) -> str:
    return name.removeprefix(prefix)


def _without(part: str, name: str) -> str:
    return ".".join(each for each in name.split(".") if each != part)


def _common_prefix(names: Collection[str]) -> str | None:
    """The wrapper that most names begin with. What does not is then listed as unexpected."""
    first = Counter(name.partition(".")[0] for name in names if "." in name)
    best, count = max(first.items(), key=lambda item: item[1], default=("", 0))
    if 2 * count <= first.total():
        return None
    return best if best in _PREFIXES or _has_backbone(best, names) else None


def _has_backbone(prefix: str, names: Collection[str]) -> bool:
    """Whether the prefix hides a detector's backbone: Lightning has what its author wrote."""
    return any(name.startswith(f"{prefix}.backbone.") for name in names)
