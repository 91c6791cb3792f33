"""Detections as CVAT's XML 1.1 for images: masks as run lengths within their boxes.

https://docs.cvat.ai/docs/manual/advanced/xml_format/
"""

from __future__ import annotations

from collections.abc import Iterable

# Only written, never read.
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from handler.schemas import Detection, Manifest
from model.runtime.detections import InstanceMask
from model.runtime.rle import decode_mask, run_lengths


def cvat_xml(results: Iterable[tuple[Manifest, str]]) -> bytes:
    """Build the file of results, each with its photograph's name."""
    root = Element("annotations")
    SubElement(root, "version").text = "1.1"
    for index, (manifest, name) in enumerate(results):
        source = manifest.source
        image = SubElement(
            root,
            "image",
            {
                "id": str(index),
                "name": name,
                "width": str(source.width),
                "height": str(source.height),
            },
        )
        for each in manifest.detections:
            _add_mask(image, each)
    indent(root)
    document: bytes = tostring(root, encoding="utf-8", xml_declaration=True)
    return document


def _add_mask(image: Element, detection: Detection) -> None:
    mask = decode_mask(detection.rle)
    if not mask.area:
        return
    rows, columns = mask.pixels.shape
    # The mask is the frame of its own run lengths.
    runs = run_lengths(InstanceMask(0, 0, mask.pixels), columns, rows, "rows")
    SubElement(
        image,
        "mask",
        {
            "label": detection.class_name,
            "source": "auto",
            "occluded": "0",
            "rle": ", ".join(map(str, runs.tolist())),
            "left": str(mask.x),
            "top": str(mask.y),
            "width": str(columns),
            "height": str(rows),
            "z_order": "0",
        },
    )
