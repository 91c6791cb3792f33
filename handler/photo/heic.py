"""HEIC's decoder, pi-heif: an extra, because libheif and libde265 are under the LGPL."""

from __future__ import annotations

import io

from PIL import Image

from handler.errors import UnsupportedImage

# The decoder is looked for when it is needed: most installations never do.
_MISSING = "This is a HEIC, whose decoder is not installed: the extra `heic` (pi-heif) has it."


def open_heic(file: io.BytesIO) -> Image.Image:
    """Decode the primary picture, turned as its container says.

    Raises UnsupportedImage where the decoder is not installed.
    """
    try:
        import pi_heif
    except ImportError:
        raise UnsupportedImage(_MISSING) from None
    # What stands beside the picture is not looked at.
    options = pi_heif.options
    options.THUMBNAILS = options.DEPTH_IMAGES = options.AUX_IMAGES = False
    picture: Image.Image = pi_heif.open_heif(file, convert_hdr_to_8bit=True).to_pillow()
    return picture
