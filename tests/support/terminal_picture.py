"""Draw what a command printed, as a picture of a terminal.

    maskdrop model fetch coco-r50 2>&1 | python tests/support/terminal_picture.py \\
        'maskdrop model fetch coco-r50' docs/images/fetch.svg

What TensorFlow says about itself is left out; nothing else is. The picture asks for no font from
elsewhere.
"""

from __future__ import annotations

import argparse
import io
import re
import sys
from pathlib import Path

from rich.console import Console
from rich.text import Text

_NOISE = re.compile(r"^(WARNING: All log|I0000|W0000|E0000|To enable the following|INFO: Created)")
_FONTS = re.compile(r"@font-face \{.*?\}\s*", re.DOTALL)


def picture(command: str, printed: str, width: int) -> str:
    """The SVG of a command and its lines."""
    console = Console(record=True, width=width, file=io.StringIO(), force_terminal=True)
    console.print(Text(f"$ {command}", style="bold"))
    for line in printed.rstrip().splitlines():
        if not _NOISE.match(line):
            console.print(Text.from_ansi(line), soft_wrap=True)
    svg = console.export_svg(title=command, unique_id="maskdrop")
    return _FONTS.sub("", svg).replace("Fira Code,", "").replace("Fira Code", "monospace")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("command")
    parser.add_argument("picture", type=Path)
    parser.add_argument("--width", type=int, default=100)
    given = parser.parse_args()
    given.picture.write_text(picture(given.command, sys.stdin.read(), given.width))


if __name__ == "__main__":
    main()
