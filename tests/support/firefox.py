"""A real Firefox, driven by WebDriver BiDi (https://w3c.github.io/webdriver-bidi/).

Playwright needs a Firefox of its own build; this one is the distribution's.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from websockets.sync.client import ClientConnection, connect

FIREFOX = shutil.which("firefox-esr") or shutil.which("firefox")
CURE = "no Firefox is installed; this cures it: sudo apt-get install --yes firefox-esr"
_START_S = 60
_ANSWER_S = 60


class FirefoxError(AssertionError):
    """Firefox refused a command, or a script on the page threw."""


class FirefoxPage:
    """One tab. `complaints`: errors and warnings of the page's console, in order."""

    def __init__(self, socket: ClientConnection) -> None:
        self.complaints: list[str] = []
        self._socket, self._last = socket, 0
        self._send("session.new", capabilities={})
        self._send("session.subscribe", events=["log.entryAdded"])
        created = self._send("browsingContext.create", type="tab")
        self._context: str = created["context"]

    def goto(self, url: str) -> None:
        """Open a URL; returns when it has loaded."""
        self._send("browsingContext.navigate", context=self._context, url=url, wait="complete")

    def resize(self, width: int, height: int) -> None:
        """Set the viewport, in CSS pixels."""
        viewport = {"width": width, "height": height}
        self._send("browsingContext.setViewport", context=self._context, viewport=viewport)

    def evaluate(self, function: str, argument: Any = None) -> Any:
        """Call a JavaScript function on the page; argument and result travel as JSON.

        Raises FirefoxError with the exception's text where it throws.
        """
        answer = self._send(
            "script.callFunction",
            functionDeclaration=f"async (a) => JSON.stringify(await ({function})(JSON.parse(a)))",
            arguments=[{"type": "string", "value": json.dumps(argument)}],
            target={"context": self._context},
            awaitPromise=True,
        )
        if answer["type"] == "exception":
            raise FirefoxError(answer["exceptionDetails"]["text"])
        value = answer["result"].get("value")
        return None if value is None else json.loads(value)

    def choose(self, selector: str, *files: Path) -> None:
        """Choose files in an <input type=file>."""
        found = self._send(
            "browsingContext.locateNodes",
            context=self._context,
            locator={"type": "css", "value": selector},
        )
        self._send(
            "input.setFiles",
            context=self._context,
            element={"sharedId": found["nodes"][0]["sharedId"]},
            files=[str(file) for file in files],
        )

    def wait_for(self, selector: str) -> None:
        """Return when an element is there; raises FirefoxError after 30 s."""
        self.evaluate(
            """async (selector) => {
              const until = Date.now() + 30_000;
              while (!document.querySelector(selector)) {
                if (Date.now() > until) throw new Error(`${selector} did not appear`);
                await new Promise((resolve) => setTimeout(resolve, 50));
              }
            }""",
            selector,
        )

    def screenshot(self) -> str:
        """What the viewport shows: PNG in base64."""
        data: str = self._send("browsingContext.captureScreenshot", context=self._context)["data"]
        return data

    def _send(self, method: str, **params: Any) -> dict[str, Any]:
        self._last += 1
        self._socket.send(json.dumps({"id": self._last, "method": method, "params": params}))
        while True:
            message = json.loads(self._socket.recv(timeout=_ANSWER_S))
            if message["type"] == "event":
                self._note(message["params"])
            elif message["id"] == self._last:
                break
        if message["type"] == "error":
            raise FirefoxError(f"{method}: {message['message']}")
        result: dict[str, Any] = message["result"]
        return result

    def _note(self, entry: dict[str, Any]) -> None:
        if entry.get("level") in ("error", "warn"):
            self.complaints.append(entry["text"])


@contextmanager
def firefox_page(profile: Path) -> Iterator[FirefoxPage]:
    """Start Firefox with an empty profile folder; yields a tab."""
    assert FIREFOX is not None, CURE
    options = [
        "--headless",
        "--no-remote",
        "--profile",
        str(profile),
        "--remote-debugging-port",
        "0",
    ]
    process = subprocess.Popen([FIREFOX, *options], stderr=subprocess.PIPE, text=True)
    try:
        with connect(f"{_address(process)}/session", max_size=None) as socket:
            yield FirefoxPage(socket)
    finally:
        process.kill()
        process.communicate()


def _address(process: subprocess.Popen[str]) -> str:
    assert process.stderr is not None
    for line in process.stderr:
        if found := re.search(r"WebDriver BiDi listening on (ws://\S+)", line):
            return found[1]
    raise FirefoxError(f"Firefox ended with exit code {process.wait(_START_S)}")
