"""What a test sees in a frame of a page."""

from typing import Any

from tests.api.browser import Browser
from tests.support.wait import wait_until

LOOK_INTO_FRAMES = "--disable-features=IsolateSandboxedIframes"
"""Lets Chromium keep frames that may run nothing in the process of their page, where a test finds them."""


class Frame:
    """The one frame of a page. It may run nothing itself; a test looks into it from a world of its own."""

    def __init__(self, browser: Browser) -> None:
        self._browser = browser

    def run(self, script: str) -> Any:
        """Return the value of a JavaScript expression."""
        (frame,) = self._browser.call("Page.getFrameTree")["frameTree"]["childFrames"]
        world = self._browser.call("Page.createIsolatedWorld", frameId=frame["frame"]["id"])["executionContextId"]
        answer = self._browser.call("Runtime.evaluate", expression=script, contextId=world, returnByValue=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def wait_for(self, words: str) -> None:
        """Wait until the frame shows `words`."""
        there = "document.querySelector('iframe')?.hidden === false"
        wait_until(lambda: self._browser.run(there), description="the page shows its frame", interval=0.1)
        wait_until(
            lambda: words in str(self.run("document.body?.textContent ?? ''")),
            description=f"the frame shows {words!r}",
            interval=0.1,
        )
