"""Fuzz what reads strangers' bytes, with atheris: `make fuzz`, or

    .venv-fuzz/bin/python tests/fuzz/fuzz.py decode|rle|manifest SECONDS

decode      a file -> pixels, scaled and whole: raises a BadImage, or nothing
rle         a mask's run lengths: decodes to its frame, or raises ValueError
manifest    a result's and a model's manifest: reads, or raises the error that is documented

The corpus begins anew from a few small files, made here; what was found on the way is kept
in build/fuzz/TARGET, and an input that ends a run as build/fuzz/TARGET-crash-….
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["handler", "model"]):
    from handler.errors import BadImage
    from handler.photo.decode import ImageLimits, open_photo
    from handler.schemas import Manifest
    from model.runtime.errors import ManifestError
    from model.runtime.manifest import ModelManifest
    from model.runtime.rle import decode_rle

ROOT = Path(__file__).parents[2]
OUT = ROOT / "build/fuzz"
LONGEST = 4096
# Small pictures are decoded thousands of times a second; large ones are tests/security's.
LIMITS = ImageLimits(max_pixels=250_000, max_side=2_000)


def decode(data: bytes) -> None:
    """Open and decode. A HEIC is only opened: its decoder runs in a process of its own."""
    with suppress(BadImage):
        photo = open_photo(data, LIMITS)
        if photo.type != "HEIC":
            assert photo.scaled(32, 24).shape == (24, 32, 3)
            assert photo.full().shape == (photo.height, photo.width, 3)


def decode_seeds() -> Iterator[bytes]:
    """Every type, small; and the small ones of the hostile corpus."""
    from hostile_photographs import HOSTILE, encoded, heic_file

    for kind in ("JPEG", "PNG", "WebP", "AVIF"):
        yield encoded(kind, (24, 16))
        yield encoded(kind, (24, 16), mode="L" if kind == "JPEG" else "RGBA")
    yield encoded("JPEG", (24, 16), progressive=True)
    yield heic_file()
    for name in ("png_palette_of_two_bytes", "webp_of_50_megapixels_in_90_bytes"):
        yield HOSTILE[name]()


def rle(data: bytes) -> None:
    """Decode a mask: two bytes for its size, the rest its counts."""
    if len(data) < 2:
        return
    height, width = data[0], data[1]
    counts = data[2:].decode("latin-1")
    with suppress(ValueError):
        assert decode_rle({"size": [height, width], "counts": counts}).shape == (height, width)


def rle_seeds() -> Iterator[bytes]:
    """A square in a frame, and nothing."""
    yield bytes([12, 12]) + b"Q14800OR2"
    yield bytes([8, 8]) + b"P2"


def manifest(data: bytes) -> None:
    """Read as a result's manifest and as a model's."""
    with suppress(ValueError):
        Manifest.model_validate_json(data)
    folder = OUT / "model"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "manifest.json").write_bytes(data)
    with suppress(ManifestError):
        ModelManifest.load(folder)


def manifest_seeds() -> Iterator[bytes]:
    """A model's manifest, and a result's."""
    yield (ROOT / "tests/runtime/colour_model/1/manifest.json").read_bytes()[:LONGEST]
    source = {"size": 1, "width": 1, "height": 1, "orientation": 1}
    model = {"name": "m", "version": 1, "digest": "d"}
    yield json.dumps({"source": source, "model": model, "options": {}, "detections": []}).encode()


TARGETS: dict[str, tuple[Callable[[bytes], None], Callable[[], Iterator[bytes]]]] = {
    "decode": (decode, decode_seeds),
    "rle": (rle, rle_seeds),
    "manifest": (manifest, manifest_seeds),
}


def main(name: str, seconds: int) -> None:
    """Run one target."""
    target, seeds = TARGETS[name]
    corpus = OUT / name
    corpus.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(seeds()):
        (corpus / f"seed-{number:02}").write_bytes(seed)
    options = {
        "max_total_time": seconds,
        "max_len": LONGEST,
        "timeout": 20,
        "rss_limit_mb": 2048,
        "artifact_prefix": f"{OUT}/{name}-",
        "print_final_stats": 1,
        "verbosity": 1,
    }
    words = [f"-{key}={value}" for key, value in options.items()]
    atheris.Setup([sys.argv[0], *words, str(corpus)], target)
    atheris.Fuzz()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
