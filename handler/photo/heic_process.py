"""The process that decodes one HEIC: the file on standard input, RGB or RGBA on standard output.

    python heic_process.py SECONDS BYTES < photo.heic

A line says `mode width height`, and the pixels follow. It imports nothing of this project,
so that it starts fast.
"""

from __future__ import annotations

import io
import resource
import sys

OUT_OF_MEMORY = 3
_FAILED = 1


def main(seconds: int, max_bytes: int) -> int:
    """Decode within limits of processor time and memory; answers the exit status."""
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    resource.setrlimit(resource.RLIMIT_DATA, (max_bytes, max_bytes))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        import pi_heif

        # What stands beside the picture is not looked at.
        options = pi_heif.options
        options.THUMBNAILS = options.DEPTH_IMAGES = options.AUX_IMAGES = False
        image = pi_heif.open_heif(io.BytesIO(sys.stdin.buffer.read()), convert_hdr_to_8bit=True)
        pixels = image.data
    except MemoryError:
        return OUT_OF_MEMORY
    except Exception as error:
        sys.stderr.write(str(error).strip(" .\n"))
        return _FAILED
    sys.stdout.buffer.write(f"{image.mode} {image.size[0]} {image.size[1]}\n".encode())
    sys.stdout.buffer.write(pixels)
    return 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), int(sys.argv[2])))
