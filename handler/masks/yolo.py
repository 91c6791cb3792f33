"""Detections as YOLO's labels for segmentation: a line of one outline for each instance.

An outline can hold neither parts nor holes. They are joined by bridges without width, one there
and back between two corners, which fill to the same pixels.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import PurePosixPath

import numpy as np
from numpy.typing import NDArray

from handler.masks.polygons import trace_polygons
from handler.schemas import Manifest
from model.runtime.rle import decode_mask

Ring = NDArray[np.float64]


def yolo_files(results: Iterable[tuple[Manifest, str]]) -> list[tuple[str, bytes]]:
    """data.yaml, and labels/… for each photograph; classes are numbered by their rising ids."""
    kept = list(results)
    classes = {each.class_id: each.class_name for one, _ in kept for each in one.detections}
    order = {id_: number for number, id_ in enumerate(sorted(classes))}
    names = [classes[id_] for id_ in sorted(classes)]
    # JSON is YAML, and quotes what YAML would not take for text.
    described = "".join(
        (
            "path: .\ntrain: images\nval: images\n",
            f"names: {json.dumps(names, ensure_ascii=False)}\n",
        )
    )
    files = [("data.yaml", described.encode())]
    for manifest, photo in kept:
        lines = "".join(
            f"{order[class_id]} {' '.join(values)}\n" for class_id, values in _outlines(manifest)
        )
        path = PurePosixPath("labels") / PurePosixPath(photo).with_suffix(".txt")
        files.append((str(path), lines.encode()))
    return files


def _outlines(manifest: Manifest) -> list[tuple[int, list[str]]]:
    """Of each instance its class and its outline, as shares of width and height."""
    size = np.array([manifest.source.width, manifest.source.height], float)
    found = []
    for each in manifest.detections:
        rings = [
            np.asarray(ring, float)
            for part in trace_polygons(decode_mask(each.rle))
            for ring in (part["outer"], *part["holes"])
        ]
        if rings:
            shares = (_bridged(rings) / size).clip(0, 1).reshape(-1)
            found.append((each.class_id, [f"{value:.6f}" for value in shares]))
    return found


def _bridged(rings: list[Ring]) -> Ring:
    """One ring of several: each is entered and left where it is closest to those before it."""
    joined = rings[0]
    for ring in rings[1:]:
        distance = ((joined[:, None] - ring[None]) ** 2).sum(axis=-1)
        at, start = np.unravel_index(int(distance.argmin()), distance.shape)
        around = np.roll(ring, -int(start), axis=0)
        joined = np.concatenate(
            [joined[: at + 1], around, around[:1], joined[at : at + 1], joined[at + 1 :]]
        )
    return joined
