"""Makes the README's pictures: python -m tests.api.screenshots [--minutes 3] [--into docs/images].

Runs `moodline up` with the built-in demo camera, whose portrait is in the public domain, and photographs the dashboard
and the webcam's page, whose camera shows the same portrait, in a real Chromium.
"""

import argparse
import contextlib
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from PIL import Image

from ingest.sources.demo import portrait_path
from tests.api.browser import Browser, chromium
from tests.support.needs import SHARED, command
from tests.support.ports import free_port
from tests.support.repository import ROOT
from tests.support.wait import wait_until

LARGEST_BYTES: Final = 200_000
COLOURS: Final = 256
STARTED_S: Final = 120
STREAMS: Final = (
    {"id": "demo", "url": "demo", "preview": "clear"},
    {"id": "lobby", "url": "demo", "fps": 3},
    {"id": "gate", "url": "rtsp://viewer:secret@127.0.0.1:9/stream1"},
)
SQUARE: Final = "scale=-2:480,pad=640:480:(ow-iw)/2:0:color=0x2b3440,format=yuv420p"


@contextlib.contextmanager
def running(folder: Path) -> Iterator[str]:
    """Run everything, and give the address of the dashboard once events have come."""
    port = free_port()
    config = folder / "moodline.yaml"
    config.write_text(json.dumps({"streams": STREAMS}))
    words = [sys.executable, "-m", "moodline.cli", "up", "--config", str(config), "--port", str(port)]
    log, model = folder / "log", SHARED / "models/face_detection_yunet_2023mar.onnx"
    env = {**os.environ, **({"MOODLINE_INGEST__DETECTOR_MODEL": str(model)} if model.exists() else {})}
    with log.open("w") as out, subprocess.Popen(words, cwd=ROOT, env=env, stdout=out, stderr=out) as process:
        try:
            wait_until(lambda: "came into view" in log.read_text(), description="an event", timeout=STARTED_S)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()


def clip(folder: Path) -> Path:
    """Return what the fake camera shows."""
    file = folder / "portrait.y4m"
    words = ["-v", "error", "-loop", "1", "-i", str(portrait_path()), "-vf", SQUARE, "-r", "10", "-t", "1", str(file)]
    subprocess.run([command("ffmpeg"), *words], check=True)
    return file


def in_few_colours(picture: Image.Image) -> Image.Image:
    """Return a picture of 256 colours: those of the pages as they are, the others as they come most."""
    style = (ROOT / "api/static/app.css").read_text(encoding="utf-8")
    own = [bytes.fromhex(colour) for colour in sorted(set(re.findall(r"#([0-9a-f]{6})\b", style)))]
    most = picture.quantize(COLOURS - len(own)).getpalette() or []
    palette = Image.new("P", (1, 1))
    palette.putpalette([*b"".join(own), *most])
    return picture.quantize(palette=palette)


def photograph(browser: Browser, into: Path, name: str, **window: Any) -> None:
    """Save what the page shows, in so few colours that the file stays small."""
    with tempfile.TemporaryDirectory() as folder:
        whole = Path(folder) / "whole.png"
        browser.picture(whole, **window)  # the page takes in the size of its window,
        time.sleep(1)  # and draws anew
        browser.picture(whole, **window)
        picture = in_few_colours(Image.open(whole).convert("RGB"))
    file = into / f"{name}.png"
    picture.save(file, optimize=True)
    size = file.stat().st_size
    print(f"{file}: {size / 1000:.0f} kB")  # noqa: T201 - a program
    if size > LARGEST_BYTES:
        raise SystemExit(f"{file} is larger than {LARGEST_BYTES / 1000:.0f} kB: photograph a smaller window.")


def photograph_all(url: str, browser: Browser, into: Path, seconds: float) -> None:
    """Photograph the pages, after the dashboard has had time to fill."""
    browser.open(f"{url}/webcam")
    begun = "document.querySelector('#start')?.disabled === false"
    wait_until(lambda: browser.run(begun), description="the page has begun")
    browser.run("document.querySelector('#start').click()")
    mood = "document.querySelector('.face-view:not([hidden]) .mood')?.textContent ?? ''"
    wait_until(lambda: browser.run(mood), description="a mood", timeout=60)
    time.sleep(5)
    photograph(browser, into, "webcam", width=1120, height=740)
    browser.open(f"{url}/streams/demo")
    browser.wait_for("Live picture")
    time.sleep(seconds)
    browser.run("document.querySelector('[aria-labelledby=preview-title] button').click()")
    time.sleep(3)
    photograph(browser, into, "stream", width=1120, height=1130)
    browser.open(url)
    browser.wait_for("connected")
    time.sleep(4)
    photograph(browser, into, "overview", width=1120, height=640)
    photograph(browser, into, "phone", width=390, height=844, dark=True)


def main() -> None:
    """Make all pictures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=3.0)
    parser.add_argument("--into", type=Path, default=ROOT / "docs/images")
    options = parser.parse_args()
    options.into.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        camera = (
            "--use-fake-device-for-media-stream",
            "--use-fake-ui-for-media-stream",
            f"--use-file-for-fake-video-capture={clip(folder)}",
        )
        with running(folder) as url, chromium(folder / "profile", *camera) as browser:
            photograph_all(url, browser, options.into, options.minutes * 60)


if __name__ == "__main__":
    main()
