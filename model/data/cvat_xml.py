"""CVAT's XML 1.1 for images: boxes, polygons, and masks as run lengths within their boxes."""

from __future__ import annotations

from pathlib import Path

# expat bounds what entities expand to, and ElementTree reads no file that one names.
from xml.etree import ElementTree

from model.data.fields import number, side, text
from model.data.masks import from_runs, place, to_rle
from model.data.scene import Photo, Scene, Shape, Thing
from model.runtime.errors import DataError

_AREALESS = {"polyline", "points", "cuboid", "skeleton", "tag", "ellipse"}


def read_cvat_xml(path: Path) -> Scene:
    """Read an export; raises DataError."""
    try:
        root = ElementTree.parse(path).getroot()  # noqa: S314
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}.") from None
    except ElementTree.ParseError as error:
        raise DataError(f"{path} is not XML: {error}.") from None
    if root.tag != "annotations":
        raise DataError(f"{path} begins with <{root.tag}>; CVAT's <annotations> is expected.")
    if root.find("track") is not None:
        raise DataError(f"{path} has tracks of a video; export as `CVAT for images 1.1`.")
    scene = Scene()
    for label in root.iterfind("meta//labels/label/name"):
        scene.classes.setdefault(text(label.text, f"{path.name}: a label's name"), None)
    for image in root.iterfind("image"):
        scene.photos.append(_photo(image, path.name, scene))
    return scene


def _photo(image: ElementTree.Element, file: str, scene: Scene) -> Photo:
    where = f"{file}, image {image.get('id', '?')}"
    width = side(image.get("width"), f"{where}: width")
    height = side(image.get("height"), f"{where}: height")
    photo = Photo(text(image.get("name"), f"{where}: name"), width, height, where)
    for index, each in enumerate(image):
        at = f"{where}, {each.tag} {index}"
        if each.tag in _AREALESS:
            scene.note(f"shapes of type {each.tag}, which are not read")
        elif shape := _shape(each, width, height, at):
            photo.things.append(Thing(text(each.get("label"), f"{at}: label"), shape, at))
    return photo


def _shape(each: ElementTree.Element, width: int, height: int, at: str) -> Shape | None:
    if each.tag == "mask":
        return _mask(each, width, height, at)
    if each.tag == "polygon":
        return Shape(outlines=(_outline(each.get("points", ""), at),))
    if each.tag == "box":
        x1, y1, x2, y2 = (
            number(each.get(key), f"{at}: {key}") for key in ("xtl", "ytl", "xbr", "ybr")
        )
        if number(each.get("rotation") or 0, f"{at}: rotation") % 360:
            raise DataError(f"{at} is turned; draw it as a polygon.")
        return Shape(box=(x1, y1, x2 - x1, y2 - y1))
    raise DataError(f"{at}: <{each.tag}> is no shape that CVAT's XML 1.1 has.")


def _outline(points: str, at: str) -> list[float]:
    """`x,y;x,y;…`"""
    pairs = [each.split(",") for each in points.split(";") if each]
    if len(pairs) < 3 or any(len(each) != 2 for each in pairs):
        raise DataError(f"{at}: points are {points[:40]!r}; three or more `x,y` are expected.")
    return [number(value, f"{at}: points") for pair in pairs for value in pair]


def _mask(each: ElementTree.Element, width: int, height: int, at: str) -> Shape:
    left, top = (int(number(each.get(key), f"{at}: {key}")) for key in ("left", "top"))
    columns, rows = (side(each.get(key), f"{at}: {key}") for key in ("width", "height"))
    runs = [int(number(run, f"{at}: rle")) for run in (each.get("rle") or "").split(",")]
    return Shape(rle=to_rle(place(from_runs(runs, rows, columns, at), left, top, width, height)))
