from pathlib import Path

import numpy as np
import pytest
from mask_samples import detections_of, on_frame
from numpy.typing import NDArray

from model.runtime.postprocess import paste_mask, paste_masks

REFERENCES = np.load(Path(__file__).parent / "references" / "paste.npz")
FRAMES = range(5)


def unpack(name: str, shape: tuple[int, int, int]) -> NDArray[np.bool_]:
    bits = np.unpackbits(REFERENCES[name], count=int(np.prod(shape)))
    return bits.reshape(shape).astype(bool)


@pytest.mark.parametrize("frame", FRAMES)
def test_masks_are_pasted_as_torchvision_pastes_them(frame: int) -> None:
    width, height = (int(v) for v in REFERENCES[f"size_{frame}"])
    boxes, raw = REFERENCES[f"boxes_{frame}"], REFERENCES[f"raw_{frame}"]
    shape = (len(boxes), height, width)

    ours = np.stack(
        [
            on_frame(paste_mask(m, b, width, height), width, height)
            for m, b in zip(raw, boxes, strict=True)
        ]
    )

    differing = ours != unpack(f"set_{frame}", shape)
    assert not (differing & ~unpack(f"near_{frame}", shape)).any()


@pytest.mark.parametrize("frame", FRAMES)
def test_rounding_decides_few_of_the_reference_pixels(frame: int) -> None:
    assert np.unpackbits(REFERENCES[f"near_{frame}"]).mean() < 0.001


def test_a_mask_worked_by_hand() -> None:
    raw = np.array([[255]], np.uint8)

    mask = paste_mask(raw, np.array([1, 1, 1.9, 1.9], np.float32), width=5, height=5)

    # The box grows threefold with its ring, to 0.1..2.8, whole pixels 0..2:
    # three pixels a side whose centres fall on the three samples.
    assert mask.pixels.astype(int).tolist() == [[0, 0, 0], [0, 1, 0], [0, 0, 0]]


@pytest.mark.parametrize(("threshold", "columns"), [(0.1, 4), (0.5, 2), (0.6, 0)])
def test_a_higher_threshold_shrinks_the_mask(threshold: float, columns: int) -> None:
    # Samples 0 1 0 over 6 pixels are 0 .25 .75 .75 .25 0, times .75 for the middle rows.
    raw = np.array([[255]], np.uint8)

    mask = paste_mask(raw, np.array([2, 2, 3.9, 3.9], np.float32), 9, 9, threshold)

    middle = mask.pixels[len(mask.pixels) // 2]
    assert np.count_nonzero(middle) == columns


def test_masks_keep_to_their_boxes() -> None:
    mask = next(paste_masks(detections_of(4000, 3000, [[10, 20, 37, 47]])))

    assert (mask.x, mask.y) == (9, 19)
    assert mask.pixels.shape == (29, 29)


def test_a_box_outside_the_frame_leaves_nothing() -> None:
    mask = next(paste_masks(detections_of(20, 20, [[50, 50, 60, 60]])))

    assert mask.pixels.size == 0
    assert mask.area == 0


def test_no_detections_no_masks() -> None:
    assert list(paste_masks(detections_of(20, 20, []))) == []


def test_masks_come_in_order_and_on_demand() -> None:
    masks = paste_masks(detections_of(30, 20, [[0, 0, 9, 9], [12, 3, 20, 18]]))

    assert next(masks).x == 0
    assert next(masks).x == 11
