"""What the unpickler builds, and above all what it refuses. Files: test_checkpoint.py."""

import io
import pickle
from argparse import Namespace
from collections import defaultdict, deque
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path, PurePosixPath
from uuid import UUID

import numpy as np
import pytest

from model.runtime.errors import CheckpointError
from model.weights.unpickler import Opaque, unpickle

TOUCH = b"X\x0a\x00\x00\x00touch here"  # the text "touch here"
ORDERED_DICT = b"ccollections\nOrderedDict\n"
TENSOR = b"ctorch._utils\n_rebuild_tensor_v2\n"


def load(pickled: bytes) -> object:
    return unpickle(io.BytesIO(pickled))[0]


def test_plain_data_comes_out_as_it_went_in():
    data = {"epoch": 25, "lr": [0.02, None, True], "betas": (0.9, -1, 2**70), 3: "ä", "raw": b"x"}
    assert load(pickle.dumps(data, protocol=4)) == data


def test_the_stream_is_left_behind_the_pickle():
    stream = io.BytesIO(pickle.dumps("first", 2) + pickle.dumps("second", 2))
    assert [unpickle(stream)[0], unpickle(stream)[0]] == ["first", "second"]


def test_ordered_dicts_of_python_2_are_read():
    pairs = b"](](X\x01\x00\x00\x00aK\x01e](X\x01\x00\x00\x00bK\x02ee"
    assert load(b"\x80\x02" + ORDERED_DICT + pairs + b"\x85R.") == {"a": 1, "b": 2}


def test_a_best_score_kept_as_a_numpy_number_does_no_harm():
    assert isinstance(load(pickle.dumps(np.float64(0.5), protocol=2)), Opaque)


RUNS_CODE = {
    "REDUCE": b"cos\nsystem\n" + TOUCH + b"\x85R.",
    "INST": b"(" + TOUCH + b"ios\nsystem\n.",
    "OBJ": b"(cos\nsystem\n" + TOUCH + b"o.",
    "STACK_GLOBAL": b"\x80\x04\x8c\x02os\x8c\x06system\x93" + TOUCH + b"\x85R.",
}


@pytest.mark.parametrize("pickled", RUNS_CODE.values(), ids=RUNS_CODE.keys())
def test_code_is_refused_by_name_and_not_run(pickled, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(CheckpointError, match=r"'os\.system'.*refused, and nothing was run"):
        load(pickled)
    assert not Path("here").exists()


@pytest.mark.parametrize("pickled", RUNS_CODE.values(), ids=RUNS_CODE.keys())
def test_the_same_bytes_run_in_pythons_own_unpickler(pickled, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    pickle.loads(pickled)  # noqa: S301 - the danger that the tests above are about
    assert Path("here").exists()


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("builtins", "eval"),
        ("builtins", "getattr"),
        ("torch.hub", "load"),
        ("torch", "load"),
        ("torch", "FloatStorage.from_file"),
        ("torch.jit", "load"),
        ("collections", "OrderedDict.__init__.__globals__"),
        ("argparse", "Namespace.__class__"),
        ("numpy.lib.npyio", "load"),
        ("model.weights.unpickler", "_construct"),
    ],
)
def test_every_name_not_listed_is_refused(module, name):
    with pytest.raises(CheckpointError, match=f"'{module}.{name}'"):
        load(f"c{module}\n{name}\n.".encode())


@pytest.mark.parametrize("pickled", [b"\x82\x05.", b"\x83\x05\x00.", b"\x84\x05\x00\x00\x00."])
def test_the_extension_registry_is_not_asked(pickled):
    with pytest.raises(CheckpointError, match="pickle instruction EXT"):
        load(pickled)


def test_a_name_cannot_write_to_the_terminal_or_fill_it():
    with pytest.raises(CheckpointError) as refused:
        load(b"cos\n\x1b[2J" + b"x" * 5000 + b"\n.")
    assert "\x1b" not in str(refused.value)
    assert len(str(refused.value)) < 500


def test_an_objects_state_is_dropped():
    rewritten = ORDERED_DICT + b"}X\x05\x00\x00\x00buildNsb" + ORDERED_DICT + b")R."
    assert load(rewritten) == {}


@pytest.mark.parametrize(
    "call",
    [
        TENSOR + b")R.",
        TENSOR + b"(NNNNNNtR.",
        TENSOR + b"}R.",
        ORDERED_DICT + b"K\x05\x85R.",
        ORDERED_DICT + b"]K\x05a\x85R.",
        b"ctorch._utils\n_rebuild_parameter\nN\x85R.",
        b"ctorch\nFloatStorage\n)R.",
        b"K\x05)R.",
        b"}(K\x01K\x02K\x03u.",
        b"}((ttNs.",
        b"K\x05K\x06a.",
        b"NQ.",
        b"(X\x07\x00\x00\x00storagectorch\nFloatStorage\nX\x01\x00\x00\x000NJ\xff\xff\xff\xfftQ.",
    ],
)
def test_wrong_arguments_are_a_damaged_pickle(call):
    with pytest.raises(CheckpointError, match="pickle is damaged"):
        load(call)


@pytest.mark.parametrize(
    "bomb",
    [
        b"\x8b\xff\xff\xff\x7f.",  # LONG4 of 2 GiB
        b"\x8d" + b"\xff" * 7 + b"\x7f.",  # BINUNICODE8 of 8 EiB
        b"X\xff\xff\xff\xff.",  # BINUNICODE of 4 GiB
        b"]" * 3_000_000 + b".",
        b"(" * 3_000_000 + b"t" * 3_000_000 + b".",
    ],
    ids=["number", "huge text", "large text", "objects", "nesting"],
)
def test_bombs_are_refused(bomb):
    with pytest.raises(CheckpointError):
        load(bomb)


def test_a_far_memo_index_takes_no_memory():
    assert load(b"K\x05r\xff\xff\xff\xff.") == 5


def test_deeply_nested_keys_are_refused():
    with pytest.raises(CheckpointError, match="damaged"):
        load(b"})" + b"\x85" * 500_000 + b"Ns.")


@pytest.mark.filterwarnings("ignore:invalid escape sequence")
def test_random_damage_is_never_another_error():
    healthy = (Path(__file__).parent / "checkpoints" / "training_legacy.pth").read_bytes()
    start = healthy.index(b"\x80\x02}q\x00(X\x05\x00\x00\x00model")
    healthy = healthy[start : healthy.index(b"\x80\x02]", start)]
    assert isinstance(load(healthy), dict)
    random = np.random.default_rng(0)
    refused = 0
    for _ in range(1500):
        damaged = bytearray(healthy)
        for position in random.integers(len(healthy), size=3):
            damaged[position] = random.integers(256)
        try:
            load(bytes(damaged))
        except CheckpointError:
            refused += 1
    assert refused > 500


BESIDE = {
    "when": datetime(2026, 11, 27, tzinfo=UTC),
    "took": timedelta(minutes=3),
    "where": PurePosixPath("runs/1"),
    "classes": {"cat", "dog"},
    "frozen": frozenset({1, 2}),
    "options": Namespace(lr=0.1, device=None),
    "seen": deque([1, 2]),
    "exact": Decimal("0.1"),
    "id": UUID(int=7),
    "z": 3 + 4j,
    "by pair": {(1, "a"): 2.0},
    "counts": defaultdict(int, a=1),
    "raw": bytearray(b"x"),
    "span": range(3),
    "array": np.arange(3.0),
}


@pytest.mark.parametrize("protocol", [2, 4, 5])
def test_plain_values_beside_the_weights_do_no_harm(protocol):
    data = {**BESIDE, "epoch": 3}
    found = load(pickle.dumps(data, protocol=protocol))
    assert found["epoch"] == 3
    assert found.keys() == data.keys()
    assert isinstance(found["when"], Opaque)
    np.testing.assert_array_equal(found["array"].to_array(), np.arange(3.0))


@pytest.mark.parametrize(
    "array",
    [
        np.arange(6, dtype=">f4").reshape(2, 3),
        np.asfortranarray(np.arange(6.0).reshape(2, 3)),
        np.zeros((0, 4), np.int64),
        np.array(3, np.float32),
    ],
)
@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_numpy_arrays_are_read_exactly(array, protocol):
    found = load(pickle.dumps([array], protocol=protocol))[0].to_array()
    assert found.dtype == array.dtype.newbyteorder("=")
    np.testing.assert_array_equal(found, array)


def test_arrays_of_objects_are_refused():
    with pytest.raises(CheckpointError, match="wrongly"):
        load(pickle.dumps([np.array([None, "x"], object)], protocol=4))
