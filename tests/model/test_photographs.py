"""What training, evaluation and calibration see of a photograph is what the service sees."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from handler.photo.decode import open_photo
from model.benchmark import measure
from model.evaluation.detect import read_annotated
from model.evaluation.truth import Photograph
from model.photographs import read_photographs, read_pixels, read_thumbnail
from model.runtime.errors import DataError, ExportError
from model.training.views import View, show


def grey16() -> Image.Image:
    """A ramp of 16 bits, which Pillow alone would show as white."""
    ramp = np.linspace(0, 65535, 64 * 48).reshape(48, 64)
    return Image.fromarray(ramp.astype(np.uint16))


def see_through() -> Image.Image:
    """Red, transparent on the right, where black is hidden."""
    image = Image.new("RGBA", (64, 48), "red")
    image.paste((0, 0, 0, 0), (32, 0, 64, 48))
    return image


def sideways() -> Image.Image:
    image = Image.new("RGB", (64, 48), "blue")
    image.getexif()[0x0112] = 6
    return image


def palette() -> Image.Image:
    image = see_through().convert("RGB").quantize(4)
    image.info["transparency"] = image.getpixel((60, 40))
    return image


KINDS = {"grey16": grey16, "see_through": see_through, "sideways": sideways, "palette": palette}


@pytest.fixture(params=KINDS)
def file(request, tmp_path: Path) -> Path:
    image = KINDS[request.param]()
    path = tmp_path / f"{request.param}.png"
    image.save(path, exif=image.getexif())
    return path


def test_every_reader_sees_what_the_service_sees(file: Path) -> None:
    served = open_photo(file.read_bytes()).full()
    height, width = served.shape[:2]
    assert (read_pixels(file) == served).all()
    assert (read_photographs(file.parent)[0] == served).all()
    view = View((0, 0, width, height), 1.0, flip=False)
    assert (np.asarray(show(file, view)) == served).all()
    annotated = Photograph(id=1, path=file, width=width, height=height, labeled=None)
    assert (read_annotated(annotated) == served).all()


def test_sixteen_bits_are_as_eight(tmp_path: Path) -> None:
    grey16().save(tmp_path / "16.png")
    Image.fromarray((np.asarray(grey16()) >> 8).astype(np.uint8)).save(tmp_path / "8.png")
    assert (read_pixels(tmp_path / "16.png") == read_pixels(tmp_path / "8.png")).all()
    assert read_pixels(tmp_path / "16.png").mean() == pytest.approx(127, abs=1)


def test_hidden_colours_are_white(tmp_path: Path) -> None:
    see_through().save(tmp_path / "a.png")
    pixels = read_pixels(tmp_path / "a.png")
    assert pixels[0, 0].tolist() == [255, 0, 0]
    assert pixels[0, 63].tolist() == [255, 255, 255]


def test_annotations_are_of_the_upright_picture(tmp_path: Path) -> None:
    sideways().save(tmp_path / "a.jpg", exif=sideways().getexif())
    as_stored = Photograph(id=1, path=tmp_path / "a.jpg", width=64, height=48, labeled=None)
    with pytest.raises(DataError, match=r"a\.jpg is 48×64, upright; its annotations are for 64×48"):
        read_annotated(as_stored)


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.png", b"words", "a.png: This is text; JPEG"),
        ("a.jpg", b"\xff\xd8\xff\xe0", "a.jpg: The JPEG is truncated"),
        ("none.jpg", None, "none.jpg cannot be read: No such file"),
    ],
)
def test_a_broken_file_is_named(
    tmp_path: Path, name: str, content: bytes | None, words: str
) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
        with pytest.raises(DataError, match=words):
            read_thumbnail(tmp_path / name, content, (8, 8))
    with pytest.raises(DataError, match=words):
        read_pixels(tmp_path / name)


def test_an_empty_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(ExportError, match=r"holds no photograph \(\.jpg, .*\.heic"):
        read_photographs(tmp_path)


def test_bench_reads_what_the_service_reads(colour_model: Path, tmp_path: Path) -> None:
    file = io.BytesIO()
    see_through().save(file, "AVIF")
    (tmp_path / "a.avif").write_bytes(file.getvalue())
    (timing,) = measure([colour_model], tmp_path / "a.avif", "litert", 1)
    assert timing.found == 1
