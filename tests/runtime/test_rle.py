import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from mask_samples import blob, mask_of, on_frame
from pycocotools import mask as coco

from model.runtime.detections import InstanceMask
from model.runtime.rle import decode_mask, decode_rle, encode_rle


@st.composite
def framed_masks(draw: st.DrawFn) -> tuple[InstanceMask, int, int]:
    """A mask of any pixels anywhere in a small frame, touching its edges or not."""
    shape = draw(st.tuples(st.integers(0, 12), st.integers(0, 12)))
    pixels = draw(arrays(bool, shape))
    x, y, right, bottom = draw(st.tuples(*[st.sampled_from([0, 0, 1, 9])] * 4))
    width, height = x + shape[1] + right, y + shape[0] + bottom
    return InstanceMask(x, y, pixels), max(width, 1), max(height, 1)


def pycocotools_counts(mask: InstanceMask, width: int, height: int) -> str:
    frame = np.asfortranarray(on_frame(mask, width, height).astype(np.uint8))
    counts: bytes = coco.encode(frame)["counts"]
    return counts.decode()


@settings(deadline=None)
@given(framed_masks())
def test_counts_are_byte_for_byte_those_of_pycocotools(
    framed: tuple[InstanceMask, int, int],
) -> None:
    mask, width, height = framed

    assert encode_rle(mask, width, height)["counts"] == pycocotools_counts(mask, width, height)


@settings(deadline=None)
@given(framed_masks())
def test_decoding_gives_the_frame_back(framed: tuple[InstanceMask, int, int]) -> None:
    mask, width, height = framed

    assert np.array_equal(decode_rle(encode_rle(mask, width, height)), on_frame(*framed))


@settings(deadline=None)
@given(framed_masks())
def test_decoding_to_a_mask_gives_the_set_pixels_alone(
    framed: tuple[InstanceMask, int, int],
) -> None:
    mask, width, height = framed

    decoded = decode_mask(encode_rle(mask, width, height))

    assert np.array_equal(on_frame(decoded, width, height), on_frame(*framed))
    assert decoded.area == 0 or all(decoded.pixels.any(axis=axis)[[0, -1]].all() for axis in (0, 1))


@pytest.mark.parametrize("counts", ["301", "00004"])
def test_runs_of_no_pixels_are_an_empty_mask(counts: str) -> None:
    assert decode_mask({"size": [2, 2], "counts": counts}).area == 0


@pytest.mark.parametrize(
    ("drawing", "counts"),
    [
        ("..\n..", "4"),
        ("##\n##", "04"),
        ("#.\n..", "013"),
        ("..\n.#", "31"),
        (".#\n#.", "121"),
    ],
    ids=["empty", "full", "first pixel", "last pixel", "down one column into the next"],
)
def test_runs_worked_by_hand(drawing: str, counts: str) -> None:
    assert encode_rle(mask_of(drawing), 2, 2) == {"size": [2, 2], "counts": counts}


def test_a_photograph_sized_mask_is_that_of_pycocotools() -> None:
    mask = InstanceMask(101, 203, blob(2500, 2000))

    assert encode_rle(mask, 4000, 3000)["counts"] == pycocotools_counts(mask, 4000, 3000)


def test_pycocotools_measures_the_area_that_we_do() -> None:
    mask = InstanceMask(10, 20, blob(60, 50))

    assert coco.area(encode_rle(mask, 100, 100)) == mask.area


@pytest.mark.parametrize(
    ("size", "counts"),
    [
        ([8, 8], ""),
        ([8, 8], "P2P2"),
        ([8, 8], "P"),
        ([8, 8], "\x00"),
        ([8, 8], "é"),
        ([8, 8], "O2"),
        # 892 GiB in ten bytes: found by `make fuzz`.
        ([50, 0], "\x00+++++++"),
        ([10**6, 10**6], "P2"),
        ([8, 8], "oooooooooo0"),
    ],
)
def test_what_is_no_rle_of_its_frame_is_refused(size, counts):
    with pytest.raises(ValueError, match=r"^The RLE's"):
        decode_rle({"size": size, "counts": counts})
