"""What a photograph may do to the service: be refused, or be detected in. Nothing else.

Every file of hostile_photographs.py is opened and decoded twice, once scaled and once whole,
in one process whose memory and processor time are read. The figures of docs/reliability.md
are this test's: `python tests/support/hostile_photographs.py` prints them.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NoReturn

import hostile_photographs
import pytest
from hostile_photographs import HOSTILE, damaged, encoded, jpeg_of_scans, truncated

from handler.client.detect_files import LocalRun
from handler.client.photo_files import PhotoFile
from handler.client.photo_names import NamedPhoto, name_photos
from handler.client.photo_search import Unreadable, find_photos
from handler.detection.detector import Detector
from handler.errors import BadImage, BrokenImage, ImageTooLarge
from handler.photo.decode import ImageLimits, open_photo
from handler.schemas import Options
from model.runtime.predictor import Predictor

SUPPORT = Path(hostile_photographs.__file__)
# Processor time for both decodings. 50 megapixels take up to 3 s, everything else under 1.
MOST_SECONDS = 8.0
MIB = 2**20
# malloc keeps what it once had below this; so memory is given back, and peaks are true.
GIVING_BACK = {"MALLOC_MMAP_THRESHOLD_": str(MIB)}

# What refuses a file, and with what words; every other one is decoded.
REFUSED = {
    "jpeg_thousands_of_scans": "The JPEG has 8,000 scans; at most 20 are allowed at 8000×6000 px.",
    "jpeg_of_too_many_scans_for_its_size": "The JPEG has 190 scans; at most 20 are allowed at",
    "jpeg_comments": "The JPEG has more than 10,000 segments, the most allowed.",
    "jpeg_tables": "The JPEG has more than 10,000 segments, the most allowed.",
    "jpeg_of_12_bits": "This is a JPEG of 12 bits a channel; 8 are accepted.",
    "jpeg_says_65535_a_side": "Image is 65535×65535 px; the longest side allowed is 16384.",
    "jpeg_without_tables": "The JPEG is corrupt",
    "png_chunks": "The PNG has more than 100,000 chunks, the most allowed.",
    "png_palette_without_plte": "The PNG is corrupt: its pixels are palette indexes, and of a",
    "png_palette_of_two_bytes": "The PNG is corrupt: its pixels are palette indexes, and of a",
    "png_of_zero_pixels": "The PNG is corrupt: it says that it is 0×48 px.",
    "png_of_four_thousand_million_a_side": "Image is 4294967295×4294967295 px; the longest side",
    "png_of_an_impossible_kind": "The PNG is corrupt: it has colour type 5 with 3 bits.",
    "png_chunk_longer_than_the_file": "The PNG is truncated: it ends after 141 bytes",
    "png_without_pixels": "The PNG is corrupt",
    "webp_chunks": "The WebP has more than 100,000 chunks, the most allowed.",
    "webp_frame_larger_than_its_canvas": "The WebP is corrupt",
    "webp_of_no_chunks": "The WebP is corrupt: it does not say how large it is.",
    "webp_chunk_longer_than_the_file": "The WebP is truncated",
    "avif_says_four_thousand_million": "Image is 4294967295×4294967295 px; the longest side",
    "avif_boxes": "The AVIF has more than 100,000 boxes, the most allowed.",
    "avif_boxes_in_boxes": "The AVIF is corrupt: it does not say how large it is.",
    "avif_items": "The AVIF has more than 100,000 boxes, the most allowed.",
    "avif_associations": "The AVIF has more than 100,000 boxes, the most allowed.",
    "avif_of_no_boxes": "The AVIF is corrupt: it does not say how large it is.",
    "heic_coded_as_something_else": "This is a HEIF whose picture is coded as 'vvc1', not HEIC.",
    "heic_says_it_is_larger": "The HEIC is corrupt",
    "heic_boxes": "The HEIC has more than 100,000 boxes, the most allowed.",
}


@pytest.fixture(scope="module")
def measured() -> dict[str, dict[str, Any]]:
    """What became of every file, each after the other in one process."""
    pytest.importorskip("pi_heif")
    run = subprocess.run(
        [sys.executable, SUPPORT],
        env={**os.environ, **GIVING_BACK, "PYTHONPATH": str(SUPPORT.parents[2])},
        capture_output=True,
        text=True,
        check=True,
    )
    return {each["name"]: each for each in map(json.loads, run.stdout.splitlines())}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_file_is_refused_in_words_or_decoded(
    name: str, measured: dict[str, dict[str, Any]]
) -> None:
    outcome = measured[name]["outcome"]
    if name in REFUSED:
        kind, _, words = outcome.partition(": ")
        assert kind in {"ImageTooLarge", "BrokenImage", "UnsupportedImage"}
        assert words.startswith(REFUSED[name])
    else:
        assert outcome.endswith(", 3)")


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_file_takes_no_longer_than_an_honest_one(
    name: str, measured: dict[str, dict[str, Any]]
) -> None:
    assert measured[name]["seconds"] < MOST_SECONDS


@pytest.mark.parametrize("name", HOSTILE)
def test_memory_is_announced_before_it_is_taken(
    name: str, measured: dict[str, dict[str, Any]]
) -> None:
    each = measured[name]
    # Beside what is announced: the file, its picture cut out and put together, the network's input.
    assert each["peak"] < each["announced"] + 3 * each["bytes"] + 8 * MIB


def test_announced_memory_is_not_far_above_what_is_taken(
    measured: dict[str, dict[str, Any]],
) -> None:
    large = [each for each in measured.values() if each["announced"] > 300 * MIB]
    assert len(large) >= 8
    assert [each["name"] for each in large if each["announced"] > 1.6 * each["peak"]] == []


@pytest.mark.parametrize("corpus", [truncated, damaged])
def test_nothing_but_a_bad_image_escapes(corpus: Any) -> None:
    outcomes: dict[str, int] = {}
    for name, data in corpus():
        try:
            outcome = str(open_photo(data, ImageLimits(max_side=2000)).full().ndim)
        except BadImage as error:
            outcome = type(error).__name__
        except Exception as error:
            raise AssertionError(name) from error
        outcomes[outcome] = outcomes.get(outcome, 0) + 1
    assert outcomes["BrokenImage"] > 50
    assert corpus is truncated or outcomes["3"] > 50


def test_a_decoding_ends_at_its_deadline() -> None:
    photo = open_photo(jpeg_of_scans((2000, 1500), 190), ImageLimits(max_decoding_s=0.02))
    with pytest.raises(ImageTooLarge, match=r"2000×1500 px takes more than 0\.02 s of processor"):
        photo.full()


def test_a_heic_whose_decoder_crashes_is_corrupt() -> None:
    pytest.importorskip("pi_heif")
    crashing = (Path(__file__).parent / "crashes_pi_heif.heic").read_bytes()
    with pytest.raises(BrokenImage, match="The HEIC is corrupt: its decoder ended by SIGSEGV"):
        open_photo(crashing).full()


def test_want_of_memory_is_not_told_as_a_corrupt_file() -> None:
    program = (
        "import resource, sys; sys.path.insert(0, sys.argv[1]);"
        "import hostile_photographs as h; from handler.photo.decode import open_photo;"
        "photo = open_photo(h.webp_of_50_megapixels_in_90_bytes());"
        "open_photo(h.encoded('WebP')).full();"
        "now = h._status('VmSize');"
        "resource.setrlimit(resource.RLIMIT_AS, (now + 400 * h.MIB,) * 2);"
        "\ntry: photo.full()\nexcept Exception as error: print(type(error).__name__)"
    )
    run = subprocess.run(
        [sys.executable, "-c", program, SUPPORT.parent],
        cwd=SUPPORT.parents[2],
        capture_output=True,
        text=True,
        check=True,
    )
    assert run.stdout == "MemoryError\n"


@pytest.fixture(scope="module")
def run(colour_model: Path) -> LocalRun:
    return LocalRun(Detector(Predictor.load(colour_model)), Options(), out=None)


SMALL = [name for name in REFUSED if not name.endswith(("chunks", "boxes", "comments", "tables"))]


def photos_of(*arguments: str) -> Sequence[NamedPhoto]:
    def no_bucket(url: str) -> NoReturn:
        raise AssertionError(url)

    return find_photos(arguments, no_bucket).photos


def test_detect_survives_every_file_of_a_folder(run: LocalRun, tmp_path: Path) -> None:
    for name in SMALL:
        (tmp_path / f"{name}.jpg").write_bytes(HOSTILE[name]())
    (tmp_path / "z_good.png").write_bytes(encoded("PNG"))
    outcomes = list(run.detect_all(photos_of(str(tmp_path))))
    assert [bool(each.error) for each in outcomes] == [True] * len(SMALL) + [False]
    assert outcomes[-1].manifest is not None


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (MemoryError(), "There is not enough memory to detect in it."),
        (RecursionError("too deep"), "RecursionError: too deep"),
        (SyntaxError("broken PNG file"), "SyntaxError: broken PNG file"),
        (OverflowError("size"), "OverflowError: size"),
        (SystemError("tile cannot extend outside image"), "SystemError: tile cannot extend"),
        (AssertionError(), "AssertionError"),
    ],
)
def test_detect_survives_whatever_one_file_raises(
    run: LocalRun, tmp_path: Path, error: Exception, words: str
) -> None:
    good = tmp_path / "good.png"
    good.write_bytes(encoded("PNG"))
    photos = name_photos([Unreadable("failing", error), PhotoFile(good, good.name)])
    failed, done = run.detect_all(photos)
    assert failed.error.startswith(words)
    assert done.manifest is not None


@pytest.fixture(autouse=True)
def _no_warnings(recwarn: pytest.WarningsRecorder) -> Iterator[None]:
    """Pillow warns of odd files; nothing that a photograph says may reach the terminal."""
    yield
    assert [str(each.message) for each in recwarn if "PIL" in each.filename] == []
