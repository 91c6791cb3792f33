"""Reading .pth files. The real ones in checkpoints/ are written by make_checkpoints.py."""

import pickle
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest

from model.runtime.errors import CheckpointError
from model.weights.checkpoint import read_checkpoint

FOLDER = Path(__file__).parent / "checkpoints"
FORMATS = pytest.mark.parametrize("file_format", ["zip", "legacy"])


def ramp(*shape, dtype=np.float32):
    """-3, -2.875, -2.75 … in that shape, as make_checkpoints.py has it."""
    return np.linspace(-3, -3 + (np.prod(shape) - 1) / 8, np.prod(shape), dtype=dtype).reshape(
        shape
    )


KINDS = {
    "float32": ramp(2, 3, 4),
    "float64": ramp(5, dtype=np.float64),
    "float16": ramp(5, dtype=np.float16),
    "bfloat16": ramp(5),
    "int64": np.array([-1, 0, 2**40]),
    "int32": np.array([-1, 0, 2**30], np.int32),
    "uint8": np.array([0, 1, 255], np.uint8),
    "bool": np.array([True, False, True]),
    "scalar": np.array(0.5, np.float32),
    "empty": np.empty((0, 3), np.float32),
    "transposed": ramp(2, 3, 4).transpose(2, 0, 1),
    "sliced": ramp(4, 5)[1:3, ::2],
    "shared": ramp(6),
    "shared_tail": ramp(6)[4:],
    "parameter": ramp(3),
}


@FORMATS
@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_tensor_is_read_exactly(kind, file_format):
    array = read_checkpoint(FOLDER / f"kinds_{file_format}.pth")[kind]
    assert (array.dtype, array.shape) == (KINDS[kind].dtype, KINDS[kind].shape)
    np.testing.assert_array_equal(array, KINDS[kind])


@FORMATS
def test_tensors_come_in_the_files_order_and_no_more(file_format):
    assert list(read_checkpoint(FOLDER / f"kinds_{file_format}.pth")) == list(KINDS)


@FORMATS
def test_a_training_checkpoint_gives_its_model(file_format):
    state = read_checkpoint(FOLDER / f"training_{file_format}.pth")
    assert list(state) == [
        *("0.weight", "0.bias", "1.weight", "1.bias"),
        *("1.running_mean", "1.running_var", "1.num_batches_tracked"),
    ]
    np.testing.assert_array_equal(state["0.weight"], ramp(2, 3))


def test_the_prefix_of_parallel_training_is_dropped():
    assert set(read_checkpoint(FOLDER / "parallel_protocol4.pth")) == {"weight", "bias"}


def test_a_whole_pickled_model_is_refused():
    with pytest.raises(CheckpointError, match=r"'torch\.nn\.modules\.linear\.Linear'.*state_dict"):
        read_checkpoint(FOLDER / "whole_model.pth")


def test_reading_loads_no_pytorch_and_no_tensorflow():
    script = (
        "import sys; from pathlib import Path;"
        "from model.weights.checkpoint import read_checkpoint;"
        f"read_checkpoint(Path({str(FOLDER / 'kinds_zip.pth')!r}));"
        "print({'torch', 'tensorflow'} & set(sys.modules))"
    )
    printed = subprocess.check_output([sys.executable, "-c", script], text=True)
    assert printed == "set()\n"


def repack(source, target, change=None, compression=zipfile.ZIP_STORED):
    """Copy a checkpoint's archive, each entry through `change(name, content)`; None drops it."""
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w", compression) as new:
        for name in old.namelist():
            content = change(name, old.read(name)) if change else old.read(name)
            if content is not None:
                new.writestr(name, content)
    return target


def as_big_endian(name, content):
    if name.endswith("byteorder"):
        return b"big"
    return np.frombuffer(content, "<f4").byteswap().tobytes() if "/data/" in name else content


def test_a_big_endian_writer_is_believed(tmp_path):
    path = repack(FOLDER / "parallel_protocol4.pth", tmp_path / "big.pth", as_big_endian)
    weight = read_checkpoint(path)["weight"]
    np.testing.assert_array_equal(weight, ramp(2, 2))
    assert weight.dtype.isnative


def test_without_a_byte_order_the_file_is_little_endian(tmp_path):
    path = repack(
        FOLDER / "parallel_protocol4.pth",
        tmp_path / "old.pth",
        lambda name, content: None if name.endswith("byteorder") else content,
    )
    np.testing.assert_array_equal(read_checkpoint(path)["weight"], ramp(2, 2))


def test_an_unknown_byte_order_is_refused(tmp_path):
    path = repack(
        FOLDER / "kinds_zip.pth",
        tmp_path / "odd.pth",
        lambda name, content: b"middle" if name.endswith("byteorder") else content,
    )
    with pytest.raises(CheckpointError, match="byte order is b'middle', neither little nor big"):
        read_checkpoint(path)


def test_compressed_entries_are_refused(tmp_path):
    path = repack(FOLDER / "kinds_zip.pth", tmp_path / "bomb.pth", compression=zipfile.ZIP_DEFLATED)
    with pytest.raises(CheckpointError, match="is compressed"):
        read_checkpoint(path)


def test_a_missing_storage_is_named(tmp_path):
    path = repack(
        FOLDER / "kinds_zip.pth",
        tmp_path / "gap.pth",
        lambda name, content: None if name.endswith("/data/3") else content,
    )
    with pytest.raises(CheckpointError, match="no entry 'data/3'"):
        read_checkpoint(path)


def test_a_flipped_bit_in_a_weight_is_noticed(tmp_path):
    content = bytearray((FOLDER / "kinds_zip.pth").read_bytes())
    content[content.index(ramp(2, 3, 4).tobytes())] ^= 1
    damaged = tmp_path / "damaged.pth"
    damaged.write_bytes(content)
    with pytest.raises(CheckpointError, match="'data/0' is damaged: the checksum differs"):
        read_checkpoint(damaged)


@pytest.mark.parametrize("name", ["kinds_zip.pth", "kinds_legacy.pth"])
def test_a_file_cut_anywhere_is_refused(name, tmp_path):
    content = (FOLDER / name).read_bytes()
    cut = tmp_path / "cut.pth"
    for length in range(0, len(content), 61):
        cut.write_bytes(content[:length])
        with pytest.raises(CheckpointError):
            read_checkpoint(cut)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "the file is empty"),
        (b"<!DOCTYPE html><html>404", "no PyTorch checkpoint: it begins with b'<!DOCTYPE html"),
        (pickle.dumps({"weight": 1}), "no PyTorch checkpoint"),
    ],
)
def test_other_files_are_named_for_what_they_are(content, reason, tmp_path):
    path = tmp_path / "other.pth"
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match=reason):
        read_checkpoint(path)


def test_another_zip_archive_is_no_checkpoint(tmp_path):
    path = tmp_path / "photos.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("photo.jpg", b"")
    with pytest.raises(CheckpointError, match=r"0 data\.pkl in it, not 1"):
        read_checkpoint(path)


def test_a_missing_file_and_a_folder_are_named(tmp_path):
    with pytest.raises(CheckpointError, match=r"nowhere\.pth: No such file"):
        read_checkpoint(tmp_path / "nowhere.pth")
    with pytest.raises(CheckpointError, match="Is a directory"):
        read_checkpoint(tmp_path)


def value(data):
    """Return the pickle instructions that push plain data."""
    return pickle.dumps(data, protocol=2)[2:-1]


def tensor(shape, strides, offset=0, count=6):
    """Return the instructions that push a tensor over storage 0, as torch.save writes them."""
    storage = [value("storage"), b"ctorch\nFloatStorage\n", *map(value, ("0", "cpu", count))]
    arguments = [b"(", *storage, b"tQ", *map(value, (offset, shape, strides, False, None))]
    return b"ctorch._utils\n_rebuild_tensor_v2\n(" + b"".join(arguments) + b"tR"


def archive_of(path, root):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/data.pkl", b"\x80\x02" + root + b".")
        archive.writestr("archive/data/0", ramp(6).tobytes())
    return path


def state_dict(pushed):
    return b"}" + value("weight") + pushed + b"s"


def test_strides_and_offset_select_within_the_storage(tmp_path):
    path = archive_of(tmp_path / "view.pth", state_dict(tensor((2, 2), (3, 2), offset=0)))
    np.testing.assert_array_equal(read_checkpoint(path)["weight"], ramp(2, 3)[:, ::2])


@pytest.mark.parametrize(
    ("view", "reason"),
    [
        (tensor((6,), (1,), offset=1), "reaches out of its storage"),
        (tensor((2, 3), (4, 1)), "reaches out of its storage"),
        (tensor((1,), (1,), offset=2**62), "reaches out of its storage"),
        (tensor((2, 1), (2**62, 1)), "reaches out of its storage"),
        (tensor((1000, 1000), (0, 0)), "elements, over twice the 6 stored"),
        (tensor((2**62,), (0,)), "elements, over twice the 6 stored"),
        (tensor((7,), (1,), count=7), "24 of 28 bytes"),
        (tensor((6,), (-1,)), "tensor is described wrongly"),
        (tensor((2, 3), (1,)), "tensor is described wrongly"),
        (tensor((1,) * 65, (1,) * 65), "tensor is described wrongly"),
    ],
)
def test_no_tensor_reaches_out_of_its_storage(view, reason, tmp_path):
    path = archive_of(tmp_path / "hostile.pth", state_dict(view))
    with pytest.raises(CheckpointError, match=reason):
        read_checkpoint(path)


@pytest.mark.parametrize(
    ("root", "reason"),
    [
        (value([1, 2]), "holds no state dict"),
        (value({}), "holds no state dict"),
        (value({"model": {"weight": 1.0}}), "'weight' in its state dict is no dense tensor"),
        (b"}K\x05" + tensor((6,), (1,)) + b"s", "5 in its state dict is no dense tensor"),
    ],
)
def test_a_file_without_a_model_is_refused(root, reason, tmp_path):
    with pytest.raises(CheckpointError, match=reason):
        read_checkpoint(archive_of(tmp_path / "other.pth", root))


def test_code_in_a_checkpoint_is_refused_and_the_file_named(tmp_path):
    path = archive_of(tmp_path / "evil.pth", b"cos\nsystem\n" + value("exit 1") + b"\x85R")
    with pytest.raises(CheckpointError, match=r"evil\.pth: it asks for 'os\.system'"):
        read_checkpoint(path)


def test_code_in_a_legacy_checkpoint_is_refused(tmp_path):
    path = tmp_path / "evil.pth"
    genuine = (FOLDER / "kinds_legacy.pth").read_bytes()
    path.write_bytes(genuine[:15] + b"cposix\nsystem\n" + value("exit 1") + b"\x85R.")
    with pytest.raises(CheckpointError, match=r"'posix\.system'"):
        read_checkpoint(path)


@pytest.mark.parametrize("protocol", [3, 4, 5])
def test_the_legacy_format_is_known_in_every_pickle_protocol(protocol, tmp_path):
    genuine = (FOLDER / "kinds_legacy.pth").read_bytes()
    number = 0x1950A86A20F9469CFC6C
    path = tmp_path / "newer.pth"
    path.write_bytes(pickle.dumps(number, protocol) + genuine[len(pickle.dumps(number, 2)) :])
    assert read_checkpoint(path).keys() == read_checkpoint(FOLDER / "kinds_legacy.pth").keys()


def test_numpy_arrays_that_torch_saved_are_read(tmp_path):
    array = ramp(2, 3)
    path = archive_of(tmp_path / "arrays.pth", value({"weight": array}))
    np.testing.assert_array_equal(read_checkpoint(path)["weight"], array)


def test_quantised_tensors_are_told(tmp_path):
    with pytest.raises(CheckpointError, match=r"quantised or of 8 bits\. Save the float32"):
        read_checkpoint(archive_of(tmp_path / "int8.pth", b"ctorch\nQInt8Storage\n"))
