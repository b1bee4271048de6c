"""A headless Chromium, spoken to in its DevTools protocol over a pipe: no driver, no port."""

import base64
import contextlib
import json
import os
import select
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.support.needs import command
from tests.support.repository import ROOT
from tests.support.wait import wait_until

FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--remote-debugging-pipe",
)
ARTEFACTS = ROOT / "test-artefacts"
ANSWER_WITHIN_S = 20.0
# Chromium reads commands from descriptor 3 and writes to 4. (sh may not know descriptors above 9.)
AS_3_AND_4 = 'exec 98<&"$0" 99>&"$1" 3<&98 4>&99 98<&- 99>&-; shift; exec "$@"'


class Browser:
    """One tab. `faults`: what its console and its security policy complained of; `hosts`: whom it asked."""

    def __init__(self, to_browser: int, from_browser: int) -> None:
        self._write, self._read = to_browser, from_browser
        self._rest = b""
        self._last_id = 0
        self._session: str | None = None
        self.faults: list[str] = []
        self.hosts: set[str] = set()
        self._attach(self.call("Target.createTarget", url="about:blank")["targetId"])

    def open(self, url: str) -> None:
        """Go to a page; forget what the one before has done wrong."""
        self.call("Page.navigate", url="about:blank")
        self.run("0")  # its answer comes after whatever was said before
        self.faults.clear()
        self.hosts.clear()
        self.call("Page.navigate", url=url)

    def follow(self, url_end: str) -> None:
        """Go on in the tab that a link has opened; the one before is closed."""
        before, self._session = self._session, None
        (tab,) = wait_until(lambda: self._tabs(url_end), description=f"a tab with {url_end}", interval=0.1)
        self._session = before
        self.call("Page.close")
        self._session = None
        self._attach(tab["targetId"])

    def _tabs(self, url_end: str) -> list[dict[str, Any]]:
        found = self.call("Target.getTargets")["targetInfos"]
        return [one for one in found if one["url"].endswith(url_end) and not one["attached"]]

    def _attach(self, target: str) -> None:
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

    def run(self, script: str) -> Any:
        """Return the value of a JavaScript expression."""
        answer = self.call("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def text(self) -> str:
        """Return what the page shows, in one line."""
        return " ".join(str(self.run("document.body?.innerText ?? ''")).split())

    def wait_for(self, words: str) -> None:
        """Wait until the page shows `words`."""
        wait_until(lambda: words in self.text(), description=f"the page shows {words!r}", interval=0.1)

    def picture(self, file: Path, *, width: int = 1280, height: int = 800, dark: bool = False) -> None:
        """Save what the page shows in a window of that size as a PNG."""
        self.call(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 600
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", features=[scheme])
        self.run("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
        file.write_bytes(base64.b64decode(self.call("Page.captureScreenshot", format="png")["data"]))

    def call(self, method: str, **params: Any) -> dict[str, Any]:
        """Send a command and return its answer."""
        self._last_id += 1
        message = {"id": self._last_id, "method": method, "params": params}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._write, json.dumps(message).encode() + b"\0")
        while (answer := self._next()).get("id") != self._last_id:
            self._note(answer)
        assert "error" not in answer, (method, answer)
        result: dict[str, Any] = answer["result"]
        return result

    def _next(self) -> dict[str, Any]:
        deadline = time.monotonic() + ANSWER_WITHIN_S
        while b"\0" not in self._rest:
            ready, _, _ = select.select([self._read], [], [], max(0.0, deadline - time.monotonic()))
            piece = os.read(self._read, 1 << 20) if ready else b""
            assert piece, "Chromium does not answer"
            self._rest += piece
        line, self._rest = self._rest.split(b"\0", 1)
        message: dict[str, Any] = json.loads(line)
        return message

    def _note(self, message: dict[str, Any]) -> None:
        params = message.get("params", {})
        if message.get("method") == "Runtime.exceptionThrown":
            self.faults.append(json.dumps(params["exceptionDetails"]))
        elif message.get("method") == "Log.entryAdded" and params["entry"]["level"] == "error":
            self.faults.append(params["entry"]["text"])
        elif message.get("method") == "Network.requestWillBeSent":
            self.hosts.add(params["request"]["url"].split("/")[2])


def artefact(browser: Browser, name: str, **window: Any) -> None:
    """Keep a screenshot for whoever wants to see what a test saw; git passes the folder over."""
    ARTEFACTS.mkdir(exist_ok=True)
    browser.picture(ARTEFACTS / f"{name}.png", **window)


@contextlib.contextmanager
def chromium(folder: Path, *flags: str) -> Iterator[Browser]:
    """Run a Chromium with its profile in `folder`."""
    command_read, command_write = os.pipe()
    answer_read, answer_write = os.pipe()
    process = subprocess.Popen(
        [
            command("bash"),
            "-c",
            AS_3_AND_4,
            str(command_read),
            str(answer_write),
            command("chromium"),
            *FLAGS,
            *flags,
            f"--user-data-dir={folder}",
        ],
        pass_fds=(command_read, answer_write),
        stderr=subprocess.DEVNULL,
    )
    os.close(command_read)
    os.close(answer_write)
    try:
        yield Browser(command_write, answer_read)
    finally:
        # Chromium ends when its pipe does.
        os.close(command_write)
        os.close(answer_read)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
