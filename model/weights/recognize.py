"""Say what a file is that is no checkpoint of a Mask R-CNN, by what is in it.

Each kind is told by a magic number, a header or the names in its pickle; nothing is executed,
no tensor is read, and a file's name counts only where its content has no mark of its own.
"""

from __future__ import annotations

import json
import pickletools
import re
import zipfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

from model.weights.network_names import NOT_SERVED, WANTED, recognize_names

# Enough for every magic number (tar's is at 257) and for a web page's title.
_HEAD = 8192
_TAIL = 1 << 16
# A data.pkl of names alone is about 100 kB; more is no state dict's.
_LARGEST_PICKLE = 1 << 24

_AGAIN = "download it again, and compare its size with what the server says"


class _Content(NamedTuple):
    """The parts of a file that tell its kind."""

    path: Path
    size: int
    head: bytes
    tail: bytes


def recognize(path: Path) -> str | None:
    """Return one sentence: what the file or folder is, and what would help.

    None if it may be a checkpoint, whose reader then has the word. Reads at most the first
    and last few kilobytes, a zip's directory and the names in a pickle.
    """
    if path.is_dir():
        return _folder(path)
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(_HEAD)
        file.seek(max(size - _TAIL, 0))
        content = _Content(path, size, head, file.read(_TAIL))
    for tell in _TELLERS:
        sentence = tell(content)
        if sentence:
            return sentence
    return None


def _folder(path: Path) -> str | None:
    if (path / "saved_model.pb").is_file():
        if (path / "manifest.json").is_file():
            return "this folder is a version of a Maskdrop model already; export or serve it."
        return (
            "this folder is a TensorFlow SavedModel, a graph whose weights have no names that "
            f"fit; bring the checkpoint that it was made from, {WANTED}."
        )
    names = {each.name for each in path.iterdir()}
    if any(name.endswith(".mlpackage") for name in (*names, path.name)) or "Manifest.json" in names:
        return f"this folder is a Core ML package; bring the checkpoint it was made from, {WANTED}."
    if "config.json" in names and names & {"model.safetensors", "pytorch_model.bin"}:
        return f"this folder is a Hugging Face model; {NOT_SERVED}."
    return f"this is a folder, not a file; name the checkpoint in it, {WANTED}."


def _empty(content: _Content) -> str | None:
    if not content.size:
        return f"the file is empty: {_AGAIN}."
    if not any(content.head) and not any(content.tail):
        return (
            "the file begins and ends with zeros alone: its space was reserved, and the download "
            f"never filled it; {_AGAIN}."
        )
    return None


def _pointer(content: _Content) -> str | None:
    if content.head.startswith(b"version https://git-lfs"):
        size = re.search(rb"^size (\d+)$", content.head, re.MULTILINE)
        stands_for = f" of {int(size[1]) / 1e6:.0f} MB" if size else ""
        return (
            f"this is a Git LFS pointer, the {content.size} bytes that stand for a file"
            f"{stands_for}; run `git lfs pull` in its repository, or download the file itself."
        )
    if content.size < _HEAD and b"/annex/objects/" in content.head:
        return "this is a git-annex pointer; run `git annex get` on it in its repository."
    if content.size < _HEAD and re.match(rb"\s*(outs|md5|deps):", content.head):
        return "this is a DVC pointer; run `dvc pull` on it in its repository."
    return None


def _text(content: _Content) -> str | None:
    start = content.head.removeprefix(b"\xef\xbb\xbf").lstrip()
    lower = start[:512].lower()
    if lower.startswith((b"<!doctype html", b"<html", b"<head", b"<!--")) or b"<html" in lower:
        title = re.search(rb"<title[^>]*>(.*?)</title>", content.head, re.DOTALL | re.IGNORECASE)
        words = title[1].decode("utf-8", "replace").split() if title else []
        named = f", {' '.join(words)[:80]!r}" if words else ""
        return (
            f"this is a web page{named}, not weights: the server answered with a page to read or "
            "to log in; download from the link of the file itself (on GitHub `raw`, on Hugging "
            "Face `resolve`, on Google Drive with gdown)."
        )
    if lower.startswith(b"<?xml") or re.match(rb"<\w+>", lower):
        code = re.search(rb"<Code>(\w+)</Code>", content.head)
        answer = f" ({code[1].decode()})" if code else ""
        return (
            f"this is an XML document{answer}, not weights: a bucket's answer or a graph's "
            f"description; download the file itself, {WANTED}."
        )
    if not _is_text(content.head):
        return None
    shown = content.head[:60].decode("utf-8", "replace").split("\n")[0].strip()
    kind = "JSON" if start[:1] in (b"{", b"[") else "text"
    return f"this is a {kind} file that begins with {shown!r}, not weights; bring {WANTED}."


def _is_text(head: bytes) -> bool:
    try:
        text = head.decode("utf-8")
    except UnicodeDecodeError as error:
        # A character may be cut in two at the end of what was read.
        if error.start < len(head) - 4:
            return False
        text = head[: error.start].decode("utf-8")
    return all(character.isprintable() or character in "\r\n\t" for character in text)


# (offset, magic, sentence)
_MAGIC: tuple[tuple[int, bytes, str], ...] = (
    (
        4,
        b"TFL3",
        "this is a LiteRT (.tflite) graph, whose weights may be rounded and have lost their "
        f"names; bring what it was made from, {WANTED}",
    ),
    (0, b"GGUF", f"this is a GGUF language model; {NOT_SERVED}"),
    (0, b"\x1f\x8b", "this is a gzip archive; unpack it, and import the checkpoint in it"),
    (0, b"BZh", "this is a bzip2 archive; unpack it, and import the checkpoint in it"),
    (0, b"\xfd7zXZ\x00", "this is an xz archive; unpack it, and import the checkpoint in it"),
    (0, b"\x28\xb5\x2f\xfd", "this is a zstd archive; unpack it, and import the checkpoint in it"),
    (0, b"7z\xbc\xaf\x27\x1c", "this is a 7z archive; unpack it, and import the checkpoint in it"),
    (0, b"Rar!", "this is a RAR archive; unpack it, and import the checkpoint in it"),
    (257, b"ustar", "this is a tar archive; unpack it, and import the checkpoint in it"),
    (0, b"\x93NUMPY", f"this is one NumPy array (.npy), not a network; bring {WANTED}"),
    (0, b"MATLAB 7.3", f"this is a MATLAB file; bring {WANTED}"),
    (0, b"\xff\xd8\xff", f"this is a JPEG picture, not weights; bring {WANTED}"),
    (0, b"\x89PNG", f"this is a PNG picture, not weights; bring {WANTED}"),
    (0, b"%PDF", f"this is a PDF document, not weights; bring {WANTED}"),
    (0, b"\x7fELF", f"this is a program or library, not weights; bring {WANTED}"),
    (0, b"ftrt", f"this is a TensorRT engine, compiled for one card; bring {WANTED}"),
    (
        0,
        b"\x00\x00\x00\x00\x02\x00\x00\x00\x05\x00\x00\x00",
        f"these are weights of Darknet, a YOLO; {NOT_SERVED}",
    ),
)
# A LevelDB table's last bytes: the index of a TensorFlow checkpoint.
_TABLE_END = b"\x57\xfb\x80\x8b\x24\x75\x47\xdb"


def _magic(content: _Content) -> str | None:
    for offset, magic, sentence in _MAGIC:
        if content.head[offset:].startswith(magic):
            return f"{sentence}."
    is_tensorflow = content.tail.endswith(_TABLE_END) or ".data-0000" in content.path.name
    if is_tensorflow:
        return (
            "this is a part of a TensorFlow checkpoint, whose names are those of its own code; "
            f"bring {WANTED}."
        )
    return None


def _protobuf(content: _Content) -> str | None:
    """ONNX and TensorFlow's graphs have no magic number, but a first field each."""
    head = content.head
    if head[:2] == b"\x08\x01" and head[2:3] == b"\x12":
        return (
            "this is a saved_model.pb, the graph of a TensorFlow SavedModel without its weights; "
            f"bring the checkpoint that it was made from, {WANTED}."
        )
    # ModelProto: ir_version 3 to 19, then the producer's name or the graph.
    if head[:1] == b"\x08" and len(head) > 2 and 3 <= head[1] <= 19 and head[2] in b"\x12\x3a\x42":
        ends = content.head + content.tail
        if b"Ultralytics" in ends or b"yolo" in ends.lower():
            return f"this is an ONNX graph of an Ultralytics YOLO; {NOT_SERVED}."
        return (
            "this is an ONNX graph, which keeps the operators of one export and not the names of "
            f"the weights; bring the checkpoint that it was made from, {WANTED}."
        )
    if re.match(rb"\x0a[\x01-\xff][\x00-\xff]?\x0a.[\w/:.-]{2,}\x12", head):
        return (
            "this is a frozen TensorFlow graph (.pb); bring the checkpoint that it was made "
            f"from, {WANTED}."
        )
    return None


def _hdf5(content: _Content) -> str | None:
    if not content.head.startswith(b"\x89HDF\r\n\x1a\n"):
        return None
    # Names lie in the file as they are, in heaps near its groups.
    if _holds_any(content.path, (b"mrcnn_", b"rpn_model")):
        return None
    what = "a Keras model" if _holds_any(content.path, (b"keras_version",)) else "an HDF5 file"
    return (
        f"this is {what} (.h5) without the layers of matterport's Mask R-CNN (mrcnn_…); "
        f"bring one that has them, or {WANTED}."
    )


def _holds_any(path: Path, words: tuple[bytes, ...]) -> bool:
    overlap = max(map(len, words))
    rest = b""
    with path.open("rb") as file:
        while block := file.read(1 << 22):
            if any(word in rest + block for word in words):
                return True
            rest = block[-overlap:]
    return False


def _safetensors(content: _Content) -> str | None:
    length = int.from_bytes(content.head[:8], "little")
    if content.head[8:9] != b"{" or not 2 <= length <= _LARGEST_PICKLE:
        return None
    if content.size < 8 + length:
        return f"this .safetensors file ends inside its header: {_AGAIN}."
    with content.path.open("rb") as file:
        file.seek(8)
        try:
            header = json.loads(file.read(length))
        except ValueError:
            return None
    names = [name for name in header if name != "__metadata__"]
    ends = [entry["data_offsets"][1] for name, entry in header.items() if name in set(names)]
    if content.size < 8 + length + max(ends, default=0):
        return f"this .safetensors file is cut short at {content.size:,} bytes: {_AGAIN}."
    return _not_ours(names)


def _not_ours(names: Iterable[str]) -> str | None:
    sentence = recognize_names(names)
    return sentence and sentence[0].lower() + sentence[1:]


def _zip(content: _Content) -> str | None:
    if content.head.startswith(b"PK\x05\x06"):
        return f"this is an empty zip archive; bring {WANTED}."
    if not content.head.startswith(b"PK\x03\x04"):
        return None
    try:
        with zipfile.ZipFile(content.path) as archive:
            return _archive(archive)
    except (zipfile.BadZipFile, NotImplementedError, OSError, ValueError):
        return (
            f"this begins as a zip, as PyTorch writes, and is damaged or cut short at "
            f"{content.size:,} bytes: {_AGAIN}."
        )


def _archive(archive: zipfile.ZipFile) -> str | None:
    names = archive.namelist()
    pickles = [name for name in names if name.endswith("/data.pkl")]
    if any(name.endswith("/constants.pkl") or "/code/__torch__" in name for name in names):
        return (
            "this is a TorchScript program, code and weights in one; save the model's "
            "`state_dict()` where it was made, and import that."
        )
    if len(pickles) == 1 and archive.getinfo(pickles[0]).file_size < _LARGEST_PICKLE:
        return _pickled(archive.read(pickles[0]))
    if "model.weights.h5" in names:
        return f"this is a Keras 3 model (.keras); {NOT_SERVED}."
    if any(name.endswith("models/model.json") or "archive_format" in name for name in names):
        return "this is a torch.export program (.pt2); save the model's `state_dict()` instead."
    if names and all(name.endswith(".npy") for name in names):
        return f"this is a NumPy archive (.npz) of {len(names)} arrays; bring {WANTED}."
    if any(name.endswith("saved_model.pb") for name in names):
        return f"this is a zipped TensorFlow SavedModel; bring {WANTED}."
    weights = [name for name in names if name.endswith((".pth", ".pt", ".ckpt", ".safetensors"))]
    if weights:
        return f"this is a zip archive with {weights[0]} in it; unpack it, and import that."
    if pickles:
        return None
    shown = ", ".join(names[:3]) + (", …" if len(names) > 3 else "")
    return f"this is a zip archive of something else ({shown or 'empty'}); bring {WANTED}."


def _plain_pickle(content: _Content) -> str | None:
    """A pickle without PyTorch's frame: scikit-learn's, Detectron2's zoo, Paddle's."""
    if content.head[:1] != b"\x80" or content.head[1:2] not in (b"\2", b"\3", b"\4", b"\5"):
        return None
    if content.size > _LARGEST_PICKLE:
        return None
    return _pickled(content.path.read_bytes())


def _pickled(data: bytes) -> str | None:
    modules = _modules(data)
    for package, kind, advice in _PACKAGES:
        found = next((each for each in modules if f"{each}.".startswith(f"{package}.")), None)
        if found:
            return f"this is {kind}, pickled whole with its code's names ({found}); {advice}."
    return _not_ours(_strings(data))


def _modules(data: bytes) -> list[str]:
    """The dotted names of the classes and functions that a pickle asks for, first to last."""
    found: list[str] = []
    strings: list[str] = []
    try:
        for code, argument, _ in pickletools.genops(data):
            if code.name == "GLOBAL":
                found.append(str(argument).replace(" ", "."))
            elif code.name == "STACK_GLOBAL" and len(strings) > 1:
                found.append(".".join(strings[-2:]))
            elif isinstance(argument, str):
                strings.append(argument)
    except ValueError:
        pass  # Cut short: what was read tells enough.
    return found


def _strings(data: bytes) -> list[str]:
    try:
        return [
            argument for _, argument, _ in pickletools.genops(data) if isinstance(argument, str)
        ]
    except ValueError:
        return []


_STATE_DICT = (
    "load it where its code is, and save its weights with "
    "`torch.save(model.state_dict(), 'weights.pth')`"
)
# (package, what it is, what would help); the first that fits.
_PACKAGES: tuple[tuple[str, str, str], ...] = (
    ("ultralytics", "an Ultralytics YOLO", NOT_SERVED),
    ("models.yolo", "a YOLOv5 or YOLOv7", NOT_SERVED),
    ("models.common", "a YOLOv5 or YOLOv7", NOT_SERVED),
    ("transformers", "a Hugging Face model", NOT_SERVED),
    ("segmentation_models_pytorch", "a semantic segmentation model", NOT_SERVED),
    ("sklearn", "a scikit-learn model", NOT_SERVED),
    ("xgboost", "an XGBoost model", NOT_SERVED),
    ("keras", "a Keras object", NOT_SERVED),
    ("fastai", "a fastai learner", _STATE_DICT),
    (
        "torchvision.models.detection.mask_rcnn",
        "a torchvision Mask R-CNN",
        _STATE_DICT + ", then import that",
    ),
    ("torchvision.models", "a torchvision model", _STATE_DICT + " if it is a Mask R-CNN"),
    ("detectron2", "a Detectron2 model", _STATE_DICT + " if it is a Mask R-CNN"),
    ("mmdet", "an MMDetection model", NOT_SERVED + " of torchvision or Detectron2"),
    ("torch.nn.modules", "a PyTorch model", _STATE_DICT + " if it is a Mask R-CNN"),
)

_TELLERS: tuple[Callable[[_Content], str | None], ...] = (
    _empty,
    _pointer,
    _magic,
    _hdf5,
    _safetensors,
    _zip,
    _plain_pickle,
    _protobuf,
    _text,
)
