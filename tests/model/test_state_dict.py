"""What training scripts put around the weights comes off, step by step and in words."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import numpy as np
import pytest
from checkpoint_writer import write_checkpoint

from model.runtime.errors import CheckpointError
from model.weights.checkpoint import read_checkpoint
from model.weights.state_dict import find_state_dict

CASES = Path(__file__).parent / "checkpoints"
PLAIN = {"backbone.body.conv1.weight": 1, "backbone.fpn.inner.weight": 2, "rpn.head.bias": 3}


def found(root):
    lines: list[str] = []
    return find_state_dict(root, int, lines.append), lines


def named(change):
    return {change(name): value for name, value in PLAIN.items()}


@pytest.mark.parametrize(
    "prefix",
    [
        "_orig_mod.",
        "module.",
        "module._orig_mod.",
        "_orig_mod.module.",
        "model.",
        "model._orig_mod.",
        "model.model.",
        "_forward_module.model.",
        "net.",
        "_fsdp_wrapped_module.",
    ],
)
def test_a_wrappers_prefix_comes_off_and_is_named(prefix):
    state, lines = found({"state_dict": named(lambda name: prefix + name)})
    assert state == PLAIN
    told = " ".join(lines)
    assert all(part in told for part in prefix.split(".") if part)


def test_compiled_parts_inside_a_model_are_plain_too():
    state, lines = found(named(lambda name: name.replace("backbone.", "backbone._orig_mod.", 1)))
    assert state == PLAIN
    assert len(lines) == 1


def test_an_average_of_models_loses_its_counter():
    averaged = {"n_averaged": 5, **named(lambda name: f"module.{name}")}
    state, lines = found(averaged)
    assert state == PLAIN
    assert "'n_averaged'" in lines[0]


@pytest.mark.parametrize(
    "key",
    [
        *("model", "state_dict", "model_state_dict", "weights", "net", "model_ema"),
        "checkpoint_of_my_own",
    ],
)
def test_a_wrapper_is_opened(key):
    state, lines = found({"epoch": 3.5, key: PLAIN, "lr": 0.1})
    assert state == PLAIN
    assert lines == ([] if key == "model" else [f"Read the weights from the entry ['{key}']."])


def test_wrappers_in_wrappers_are_opened():
    state, lines = found({"checkpoint": {"model": {"state_dict": PLAIN}}, "epoch": "3"})
    assert state == PLAIN
    assert lines == ["Read the weights from the entry ['checkpoint']['model']['state_dict']."]


def test_weights_that_are_left_aside_are_named():
    _, lines = found({"model": PLAIN, "model_ema": PLAIN})
    assert lines == ["The file also has weights under 'model_ema': not used."]


def test_a_name_of_ones_own_in_front_of_a_backbone_comes_off():
    state, lines = found(named(lambda name: f"mask_rcnn.{name}") | {"loss.weight": 9})
    assert state == {**PLAIN, "loss.weight": 9}
    assert "'mask_rcnn.'" in lines[0]
    unknown = {f"encoder.{name}": 1 for name in "abc"}
    assert found(unknown)[0] == unknown


def test_several_models_in_a_file_are_named():
    with pytest.raises(CheckpointError, match=r"several state dicts \(student, teacher\)"):
        found({"student": PLAIN, "teacher": PLAIN})


def test_an_optimizer_alone_is_named():
    with pytest.raises(CheckpointError, match="the state of an optimizer alone"):
        found({"state": {0: {"step": 1}}, "param_groups": [{"lr": 0.1}]})


def test_other_parts_of_a_lightning_module_stay_to_be_reported():
    state, _ = found(named(lambda name: f"model.{name}") | {"criterion.weight": 9})
    assert state == {**PLAIN, "criterion.weight": 9}


def test_two_names_that_become_one_are_refused():
    with pytest.raises(CheckpointError, match=r"'rpn\.head\.bias' twice"):
        found(named(lambda name: f"module.{name}") | {"rpn.head.bias": 4})


def test_names_of_the_model_are_no_prefixes():
    assert found(PLAIN)[0] == PLAIN
    one = {"backbone.body.conv1.weight": 1}
    assert found(one)[0] == one


@pytest.mark.parametrize("root", [[1, 2], {}, {"model": {}}, {"a": {"x": 1}, "b": {"x": 1}}])
def test_without_one_set_of_weights_the_file_is_refused(root):
    with pytest.raises(
        CheckpointError, match=r"holds no state dict|is no dense tensor|holds several"
    ):
        found(root)


@pytest.mark.parametrize(
    "name", ["args_device.pth", "torch_size.pth", "set.pth", "lightning.ckpt", "weights_key.pth"]
)
def test_files_as_people_have_them_are_read(name):
    state = read_checkpoint(CASES / "wrapped" / name)
    assert next(iter(state)) == "backbone.body.conv1.weight"


def write_safetensors(path: Path, tensors: dict[str, tuple[str, list[int], bytes]]) -> Path:
    header, content = {"__metadata__": {"format": "pt"}}, b""
    for name, (dtype, shape, data) in tensors.items():
        offsets = [len(content), len(content) + len(data)]
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": offsets}
        content += data
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + content)
    return path


def test_safetensors_are_read_and_their_prefix_comes_off(tmp_path):
    weight = np.linspace(-3, 2, 6, dtype=np.float32).reshape(2, 3)
    bits = (weight.view(np.uint32) >> 16).astype("<u2")
    file = write_safetensors(
        tmp_path / "m.safetensors",
        {
            "module.odd": ("U8", [1], b"\1"),
            "module.weight": ("F32", [2, 3], weight.tobytes()),
            "module.half": ("F16", [2, 3], weight.astype("<f2").tobytes()),
            "module.brain": ("BF16", [2, 3], bits.tobytes()),
        },
    )
    lines: list[str] = []
    state = read_checkpoint(file, lines.append)
    np.testing.assert_array_equal(state["weight"], weight)
    np.testing.assert_array_equal(state["half"], weight.astype(np.float16))
    np.testing.assert_allclose(state["brain"], weight, rtol=1 / 128)
    assert state["brain"].dtype == np.float32
    assert len(lines) == 1


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        ({"dtype": "F32", "shape": [3], "data_offsets": [0, 8]}, "8 bytes, which is not"),
        ({"dtype": "F32", "shape": [2], "data_offsets": [4, 12]}, "4 bytes after the file's end"),
        ({"dtype": "F8_E4M3", "shape": [8], "data_offsets": [0, 8]}, "type 'F8_E4M3'"),
        ({"dtype": "F32", "shape": [-2], "data_offsets": [0, 8]}, "shape"),
        ({"dtype": "F32", "shape": [2]}, "wrongly"),
    ],
)
def test_safetensors_that_do_not_fit_are_refused(entry, reason, tmp_path):
    text = json.dumps({"weight": entry}).encode()
    file = tmp_path / "m.safetensors"
    file.write_bytes(struct.pack("<Q", len(text)) + text + bytes(8))
    with pytest.raises(CheckpointError, match=reason):
        read_checkpoint(file)
    file.write_bytes(struct.pack("<Q", len(text) + 100) + text)
    with pytest.raises(CheckpointError, match="cut short"):
        read_checkpoint(file)


def test_a_state_dict_written_by_torch_has_nothing_to_say(tmp_path):
    lines: list[str] = []
    write_checkpoint(tmp_path / "m.pth", {"rpn.weight": np.ones((2, 2), np.float32)})
    read_checkpoint(tmp_path / "m.pth", lines.append)
    assert lines == []
