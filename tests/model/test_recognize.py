"""Files that people take for a checkpoint, each made here as its maker writes it."""

from __future__ import annotations

import gzip
import io
import json
import pickle
import struct
import sys
import tarfile
import types
import zipfile
from pathlib import Path

import numpy as np
import pytest
from checkpoint_writer import write_checkpoint

from model.config import COCO_R50, EDGE, KNOWN_PRESETS
from model.weights.detectron2 import expected_detectron2_shapes
from model.weights.network_names import recognize_misfit, recognize_names
from model.weights.recognize import recognize
from model.weights.torchvision import expected_shapes

CHECKPOINTS = Path(__file__).parent / "checkpoints"


def zipped(**entries):
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        for name, content in entries.items():
            archive.writestr(name.replace("__", "/").replace("_dot_", "."), content)
    return data.getvalue()


def pickle_of(module, name):
    """The pickle of an object whose class is `module.name`, which need not be installed."""
    created = types.ModuleType(module)
    kind = type(name, (), {"__module__": module})
    setattr(created, name, kind)
    parents = [module.rsplit(".", n)[0] for n in range(module.count(".") + 1)]
    before = {each: sys.modules.get(each) for each in parents}
    sys.modules.update(dict.fromkeys(parents, created))
    try:
        return pickle.dumps({"model": kind(), "epoch": 3}, protocol=2)
    finally:
        for each, old in before.items():
            if old is None:
                del sys.modules[each]
            else:
                sys.modules[each] = old


def safetensors(**tensors):
    header, offset = {}, 0
    for name, array in tensors.items():
        end = offset + array.nbytes
        shape = list(array.shape)
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [offset, end]}
        offset = end
    text = json.dumps(header).encode()
    data = b"".join(array.tobytes() for array in tensors.values())
    return struct.pack("<Q", len(text)) + text + data


def tarred():
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("mask_rcnn/checkpoint"))
    return data.getvalue()


LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"0" * 64 + b"\nsize 178090079\n"
ONNX = b"\x08\x08\x12\x07pytorch\x1a\x052.1.0" + bytes(range(256)) * 40
YOLO_ONNX = ONNX + b"r\x15\n\x06author\x12\x0bUltralytics"
ULTRALYTICS = zipped(best__data_dot_pkl=pickle_of("ultralytics.nn.tasks", "SegmentationModel"))
WEIGHT = np.zeros(4, np.float32)

CASES = {
    "empty": (b"", "the file is empty: download it again"),
    "one byte": (b"\x80", "a text file"),
    "empty zip": (b"PK\x05\x06" + bytes(18), "an empty zip archive"),
    "zeros": (bytes(200_000), "begins and ends with zeros alone"),
    "lfs": (LFS, "Git LFS pointer, the 134 bytes that stand for a file of 178 MB; run `git lfs"),
    "annex": (b"../.git/annex/objects/x/y/MD5E-s1--0.pth\n", "git annex get"),
    "dvc": (b"outs:\n- md5: 00\n  path: best.pth\n", "dvc pull"),
    "html": (
        b"\n<!doctype HTML><html><head><title>Google Drive -\n Virus scan</title>",
        "a web page, 'Google Drive - Virus scan'",
    ),
    "bucket": (b"<?xml version='1.0'?><Error><Code>AccessDenied</Code></Error>", "(AccessDenied)"),
    "json": (b'{"message": "Not Found"}', "a JSON file"),
    "text": (b"404: Not Found", "begins with '404: Not Found'"),
    "yolo.pt": (ULTRALYTICS, "an Ultralytics YOLO, pickled whole with its code's names"),
    "yolov5": (zipped(b__data_dot_pkl=pickle_of("models.yolo", "Model")), "a YOLOv5 or YOLOv7"),
    "whole torchvision": (
        zipped(m__data_dot_pkl=pickle_of("torchvision.models.detection.mask_rcnn", "MaskRCNN")),
        "torch.save(model.state_dict()",
    ),
    "sklearn": (pickle_of("sklearn.svm", "SVC"), "a scikit-learn model"),
    "onnx": (ONNX, "this is an ONNX graph, which keeps the operators"),
    "yolo.onnx": (YOLO_ONNX, "an ONNX graph of an Ultralytics YOLO"),
    "tflite": (b"\x1c\x00\x00\x00TFL3" + bytes(99), "a LiteRT (.tflite) graph"),
    "saved_model.pb": (b"\x08\x01\x12\xff\x01" + bytes(99), "a saved_model.pb"),
    "checkpoint index": (
        b"\x00\x05" * 99 + b"\x57\xfb\x80\x8b\x24\x75\x47\xdb",
        "a TensorFlow checkpoint",
    ),
    "keras h5": (
        b"\x89HDF\r\n\x1a\n" + bytes(99) + b"keras_version",
        "a Keras model (.h5) without",
    ),
    "other h5": (b"\x89HDF\r\n\x1a\n" + bytes(99), "an HDF5 file (.h5) without"),
    "keras": (zipped(config_dot_json="{}", model_dot_weights_dot_h5="x"), "a Keras 3 model"),
    "npz": (zipped(a_dot_npy="x", b_dot_npy="x"), "a NumPy archive (.npz) of 2 arrays"),
    "torchscript": (zipped(m__data_dot_pkl="x", m__constants_dot_pkl="x"), "a TorchScript program"),
    "zipped": (zipped(run__best_dot_pth="x"), "with run/best.pth in it; unpack it"),
    "other zip": (zipped(word__document_dot_xml="x"), "(word/document.xml)"),
    "tar": (tarred(), "a tar archive; unpack it"),
    "gzip": (gzip.compress(b"x" * 999), "a gzip archive; unpack it"),
    "npy": (b"\x93NUMPY\x01\x00" + bytes(99), "one NumPy array"),
    "jpeg": (b"\xff\xd8\xff\xe0" + bytes(99), "a JPEG picture"),
    "darknet": (struct.pack("<3i", 0, 2, 5) + b"\x01" * 99, "weights of Darknet"),
    "resnet": (safetensors(**{"fc.weight": WEIGHT}), "these are the weights of a classifier"),
    "cut safetensors": (safetensors(a=WEIGHT)[:-4], "is cut short at"),
    "cut header": (safetensors(a=WEIGHT)[:20], "ends inside its header"),
}


@pytest.mark.parametrize("kind", CASES)
def test_a_file_is_told_by_its_content_in_one_sentence(kind, tmp_path):
    content, expected = CASES[kind]
    path = tmp_path / "mask_rcnn.pth"
    path.write_bytes(content)
    sentence = recognize(path)
    assert sentence
    assert expected in sentence
    assert sentence.endswith(".")
    assert "\n" not in sentence


def test_a_checkpoint_is_left_to_its_reader(tmp_path):
    state = {name: np.zeros(1, np.float32) for name in expected_shapes(EDGE, 3)}
    assert recognize(write_checkpoint(tmp_path / "a.pth", state)) is None
    (tmp_path / "a.safetensors").write_bytes(safetensors(**state))
    assert recognize(tmp_path / "a.safetensors") is None


@pytest.mark.parametrize("name", ["kinds_zip", "kinds_legacy", "training_zip", "training_legacy"])
def test_what_pytorch_wrote_is_left_to_its_reader(name):
    assert recognize(CHECKPOINTS / f"{name}.pth") is None


def test_matterports_weights_are_left_to_their_reader(tmp_path):
    path = tmp_path / "mask_rcnn_coco.h5"
    path.write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(5 << 20) + b"mrcnn_class_logits")
    assert recognize(path) is None


@pytest.mark.parametrize("share", [0.2, 0.5, 0.99])
def test_a_checkpoint_that_was_cut_short_is_to_be_downloaded_again(share, tmp_path):
    whole = write_checkpoint(tmp_path / "a.pth", {"backbone.weight": np.ones(99, np.float32)})
    data = whole.read_bytes()
    whole.write_bytes(data[: int(len(data) * share)])
    assert "damaged or cut short" in recognize(whole)


def test_folders_are_told_apart(tmp_path):
    assert "this is a folder, not a file" in recognize(tmp_path)
    (tmp_path / "saved_model.pb").write_bytes(b"")
    assert "TensorFlow SavedModel" in recognize(tmp_path)
    (tmp_path / "manifest.json").write_text("{}")
    assert "a Maskdrop model already" in recognize(tmp_path)


@pytest.mark.parametrize(
    ("name", "network"),
    [
        ("roi_heads.box_predictor.cls_score.weight", "Faster R-CNN"),
        ("roi_heads.keypoint_predictor.kps_score_lowres.weight", "Keypoint R-CNN"),
        ("head.classification_head.cls_logits.weight", "RetinaNet"),
        ("model.0.conv.weight", "YOLO"),
        ("module.fc.weight", "classifier"),
        ("roi_head.bbox_head.fc_cls.weight", "MMDetection"),
        ("class_embed.weight", "DETR"),
        ("image_encoder.pos_embed", "Segment Anything"),
        ("0.conv.weight", "YOLO"),
        ("head.obj_preds.0.weight", "YOLO"),
        ("roi_heads.box_predictor.0.cls_score.weight", "Cascade"),
        ("roi_heads.res5.0.conv1.weight", "C4"),
        ("sem_seg_head.predictor.weight", "panoptic"),
        ("res2_0_branch2a_w", "Caffe2"),
        ("heads.head.weight", "ViT"),
    ],
)
def test_names_of_another_network_are_known(name, network):
    assert network in recognize_names(["backbone.body.conv1.weight", name])


def misfit(preset, change=lambda name: name, *more):
    shapes = expected_shapes(COCO_R50, 3)
    return recognize_misfit([*map(change, shapes), *more], KNOWN_PRESETS[preset])


@pytest.mark.parametrize("given", ["coco-r50-v2", "edge", "detectron2-r50"])
def test_the_preset_whose_names_a_file_has_is_told(given):
    assert "give --preset coco-r50." in misfit(given)


def test_a_deeper_networks_preset_is_told():
    names = expected_detectron2_shapes(KNOWN_PRESETS["detectron2-r101"], 3)
    told = recognize_misfit(names, KNOWN_PRESETS["detectron2-r50"])
    assert "--preset detectron2-r101" in told


@pytest.mark.parametrize(
    ("change", "more", "told"),
    [
        (lambda name: name, ["backbone.body.layer3.6.conv1.weight"], "ResNet-101"),
        (lambda name: name.replace("body.layer", "body.features."), [], "MobileNet"),
        (lambda name: name.replace("running_", "other_"), [], "GroupNorm"),
        (lambda name: name.replace("conv3", "conv9"), [], "ResNet-18"),
        (lambda name: name.replace("inner_blocks.3", "extra_blocks.p6"), [], "P6 and P7"),
        (lambda name: name.replace("roi_heads", "decoder"), [], "None of its arrays is a Mask R-C"),
    ],
)
def test_what_a_mask_rcnn_has_otherwise_is_told(change, more, told):
    assert told in misfit("coco-r50", change, *more)


def test_weights_that_fit_by_name_are_left_to_the_shapes():
    assert misfit("coco-r50") is None


def test_names_of_a_mask_rcnn_are_not_another_networks():
    assert recognize_names(expected_shapes(EDGE, 3)) is None
