"""What a visitor of the site does and sees."""

from __future__ import annotations

import hashlib
import json
from base64 import b64encode
from pathlib import Path
from typing import Any

from service import squares

PHOTO = ("squares.png", "image/png", squares("red", "green", "blue"))

_DROP = """([name, type, data]) => {
  const bytes = Uint8Array.from(atob(data), (character) => character.charCodeAt(0));
  const transfer = new DataTransfer();
  transfer.items.add(new File([bytes], name, {type}));
  const event = EVENT;
  document.querySelector("main").dispatchEvent(event);
}"""
_DRAG = "new DragEvent('drop', {dataTransfer: transfer, bubbles: true, cancelable: true})"
_PASTE = "new ClipboardEvent('paste', {clipboardData: transfer, bubbles: true})"

File = tuple[str, str, bytes]


def choose(page: Any, *files: File) -> None:
    """Choose files by the button."""
    payloads = [{"name": name, "mimeType": kind, "buffer": data} for name, kind, data in files]
    page.set_input_files("#choose", payloads)


def drop(page: Any, file: File) -> None:
    """Let go of a file over the page."""
    _dispatch(page, _DRAG, file)


def paste(page: Any, file: File) -> None:
    """Paste a file from the clipboard."""
    _dispatch(page, _PASTE, file)


def see_result(page: Any, photo: File = PHOTO) -> None:
    """Add a photograph and wait for its masks."""
    choose(page, photo)
    page.wait_for_selector(".result")


def pixels(page: Any) -> str:
    """A digest of what the canvas of the masks shows, once nothing moves."""
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => setTimeout(done)))")
    page.wait_for_selector("#masks[data-still=true]")
    url = page.evaluate("document.querySelector('#masks').toDataURL()")
    return hashlib.sha256(url.encode()).hexdigest()


def slide(page: Any, slider: str, value: float) -> None:
    """Move a slider."""
    page.locator(slider).fill(str(value))


def press(page: Any, name: str) -> None:
    """Press the button of that name."""
    page.get_by_role("button", name=name, exact=True).click()


def saved(page: Any, name: str) -> tuple[str, bytes]:
    """Press a button that saves a file; its name and bytes."""
    with page.expect_download() as download:
        press(page, name)
    return download.value.suggested_filename, Path(download.value.path()).read_bytes()


def copied(page: Any, name: str) -> str:
    """Press a button that copies; what is then on the clipboard."""
    press(page, name)
    page.get_by_text("Copied.").first.wait_for()
    text: str = page.evaluate("navigator.clipboard.readText()")
    return text


def manifest(page: Any) -> dict[str, Any]:
    """The manifest that the page shows."""
    found: dict[str, Any] = json.loads(copied(page, "Copy JSON"))
    return found


def _dispatch(page: Any, event: str, file: File) -> None:
    name, kind, data = file
    page.evaluate(_DROP.replace("EVENT", event), [name, kind, b64encode(data).decode()])
