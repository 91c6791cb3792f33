"""A Label Studio project's labelling configuration: which tag takes masks, and its labels.

    <View>
      <Image name="image" value="$image"/>
      <BrushLabels name="tag" toName="image">
        <Label value="person"/> <Label value="pet" predicted_values="cat,dog"/>
      </BrushLabels>
    </View>

A label takes the class of its name, or those that `predicted_values` lists, as Label Studio's own
backends do.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

# Text of a request, whose size is limited; expat bounds what entities expand to.
from xml.etree import ElementTree

from handler.errors import InvalidRequest
from handler.masks.label_studio import brush_region, polygon_regions, rectangle_region
from handler.schemas import Detection

Region = dict[str, Any]

# The first that a configuration has is used: what holds more comes first.
_CONTROLS: dict[str, Callable[[Detection, str, str, str], list[Region]]] = {
    "brushlabels": lambda *given: [brush_region(*given)],
    "polygonlabels": polygon_regions,
    "rectanglelabels": lambda *given: [rectangle_region(*given)],
}


@dataclass(frozen=True, slots=True)
class LabelConfig:
    """What predictions have to name.

    control: the tag's kind, in lower case; tag, image: names of control and object.
    field: of a task's data, in which the image's address stands.
    labels: by class, in lower case.
    """

    control: str
    tag: str
    image: str
    field: str
    labels: dict[str, str]

    def regions(self, detection: Detection) -> list[Region]:
        """A detection as regions; none for a class without a label."""
        label = self.labels.get(detection.class_name.casefold())
        if label is None:
            return []
        return _CONTROLS[self.control](detection, label, self.tag, self.image)


def read_label_config(text: str) -> LabelConfig:
    """Read a configuration; raises InvalidRequest for one that has no place for masks."""
    try:
        root = ElementTree.fromstring(text)  # noqa: S314
    except ElementTree.ParseError as error:
        raise InvalidRequest(f"label_config is not XML: {error}.") from None
    tags = {each.get("name"): each for each in root.iter() if each.tag.lower() == "image"}
    found = {
        each.tag.lower(): each
        for each in reversed(list(root.iter()))
        if each.tag.lower() in _CONTROLS and each.get("toName") in tags and each.get("name")
    }
    for control in _CONTROLS:
        if control in found:
            element = found[control]
            image = str(element.get("toName"))
            value = tags[image].get("value") or ""
            return LabelConfig(
                control, str(element.get("name")), image, value.lstrip("$"), _labels(element)
            )
    raise InvalidRequest(
        "label_config has no BrushLabels, PolygonLabels or RectangleLabels for an Image."
    )


def _labels(control: ElementTree.Element) -> dict[str, str]:
    labels: dict[str, str] = {}
    for each in control.iter():
        value = each.get("value")
        if each.tag.lower() == "label" and value:
            for name in (each.get("predicted_values") or value).split(","):
                labels.setdefault(name.strip().casefold(), value)
    return labels
