"""How many photographs int8 has to be calibrated on: the table of docs/export.md.

    PYTHONPATH=.:tests/support python tests/model/measure_calibration.py MODEL PHOTOGRAPHS

MODEL is a version folder with weights, PHOTOGRAPHS a folder. The first 24 photographs of it compare
the int8 graphs with the float one, and the others calibrate: one to sixteen of them, and the six
views of the samples that `export` takes by itself. The network is converted once; what is told of
each is the mean over all photographs, and the worst of three draws where there are enough.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import numpy as np

from model.architecture.mask_rcnn import MaskRCNN
from model.export.default_photographs import default_photographs
from model.export.litert import to_litert
from model.export.litert_export import with_files
from model.export.parity import Answers, Parity, compare_answers
from model.export.quantize import quantize
from model.export.ranges import RangeMeter, Ranges, mean_ranges
from model.photographs import read_photographs
from model.runtime.backends.litert import FILE_NAME
from model.runtime.manifest import ModelManifest
from model.runtime.predictor import Predictor
from model.weights.version_folder import load_weights, preset_of

COMPARED = 24
COUNTS = (1, 2, 4, 8, 16)
DRAWS = 3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", type=Path)
    parser.add_argument("photographs", type=Path)
    given = parser.parse_args()
    manifest = ModelManifest.load(given.model)
    weights = load_weights(given.model, manifest)
    network = MaskRCNN(preset_of(manifest), len(manifest.classes) + 1, weights)
    float_model = to_litert(network)
    photographs = read_photographs(given.photographs, COMPARED + max(COUNTS))
    compared, rest = photographs[:COMPARED], photographs[COMPARED:]
    with tempfile.TemporaryDirectory() as folder:
        expected = Answers(_predictor(Path(folder), manifest, float_model), compared)
        meter = RangeMeter(float_model, manifest.preprocessing)
        of_samples = [each for i, each in enumerate(default_photographs()) if i % 3]
        sets = {"six views of the samples": [[meter.measure(each) for each in of_samples]]}
        measured = [meter.measure(each) for each in rest]
        random = np.random.default_rng(0)
        for count in COUNTS:
            if count <= len(measured):
                draws = 1 if count == len(measured) else DRAWS
                chosen = [random.permutation(len(measured))[:count] for _ in range(draws)]
                sets[f"{count}"] = [[measured[i] for i in draw] for draw in chosen]
        print("| calibrated on | shared detections | box, median px | score | mask IoU |")
        print("|---|---:|---:|---:|---:|")
        for name, draws_of in sets.items():
            parities = [
                _parity(Path(folder), manifest, float_model, ranges, expected)
                for ranges in draws_of
            ]
            print(_row(name, parities), flush=True)


def _parity(
    folder: Path,
    manifest: ModelManifest,
    float_model: bytes,
    measured: list[Ranges],
    expected: Answers,
) -> Parity:
    data = quantize(float_model, mean_ranges(measured), manifest.preprocessing)
    found = Answers(_predictor(folder, manifest, data), expected.photographs)
    return compare_answers(expected, found)


def _predictor(folder: Path, manifest: ModelManifest, data: bytes) -> Predictor:
    # A folder of its own: an interpreter may read its file as long as it lives.
    own = Path(tempfile.mkdtemp(dir=folder))
    (own / FILE_NAME).write_bytes(data)
    with_files(manifest, own)
    return Predictor.load(own)


def _row(name: str, parities: list[Parity]) -> str:
    shared, worst = np.mean([p.agreement for p in parities]), min(p.agreement for p in parities)
    box, score, iou = (
        np.mean([getattr(p, field) for p in parities])
        for field in ("box_px_median", "score_mean", "mask_iou_mean")
    )
    found = parities[0].detections
    least = f", at least {worst:.1%}" if len(parities) > 1 else ""
    return f"| {name} | {shared:.1%}{least} of {found} | {box:.1f} | {score:.3f} | {iou:.3f} |"


if __name__ == "__main__":
    main()
