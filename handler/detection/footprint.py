"""How much memory a detection takes at its peak, from the photograph's header and the options.

Bytes a pixel of the photograph, measured with large instances over 12 megapixels, beside the
file: masks alone 4.2 to 6.0, an overlay 11.2 (JPEG) and 11.1 (PNG), cut-outs 14.8, of which the
network's own share is nothing. Decoders that need more than that are in `bytes_to_decode`.
"""

from __future__ import annotations

from handler.photo.decode import Photo
from handler.schemas import OutputName

_MASKS = 6.5
_FULL_FRAME = 11.5
_CUTOUTS = 15.5
# The network's input, its buffers and the detections' own masks.
_BASE = 16 * 2**20

_DRAWN_ON: set[OutputName] = {"overlay", "cutouts"}


def detection_bytes(
    photo: Photo,
    input_size: tuple[int, int],
    outputs: tuple[OutputName, ...],
    *,
    tiled: bool,
    refined: bool,
) -> int:
    """Bytes at the peak, beside the file as it was sent.

    input_size: width and height of the network's input; a JPEG that nothing is drawn on, and
    whose edges are not refined, is decoded for that size alone.
    """
    whole = tiled or refined or photo.type != "JPEG" or bool(_DRAWN_ON & set(outputs))
    decoding = photo.bytes_to_decode() if whole else photo.bytes_to_decode(*input_size)
    a_pixel = _CUTOUTS if "cutouts" in outputs else _FULL_FRAME if whole else _MASKS
    pixels = photo.width * photo.height
    return _BASE + photo.record.picture_size + max(decoding, int(a_pixel * pixels))
