"""`moodline up` takes videos, too."""

import re
import signal
from pathlib import Path

import httpx
import pytest

from tests.cli.running import started
from tests.support.recordings import detector
from tests.support.wait import wait_until

# Several processes start one after another, which on a busy machine takes its time.
pytestmark = pytest.mark.timeout(300)


def test_a_video_is_handed_in_where_everything_runs_on_one_machine(short: Path, tmp_path: Path) -> None:
    env = {**detector(), "XDG_RUNTIME_DIR": str(tmp_path)}
    up = started("up", "--source", "rtsp://127.0.0.1:1/none", env=env)
    try:
        assert up.stderr is not None
        words = next(line for line in up.stderr if "the API is at" in line)
        (api,) = re.findall(r"http://\S+(?=\.$)", words.strip())
        with httpx.Client(base_url=api, timeout=10, trust_env=False) as client:
            wait_until(lambda: answers(client), description="the API answers", timeout=120, interval=0.2)
            with short.open("rb") as file:
                job = client.post("/v1/analyses", files={"video": ("short.mp4", file)}).json()["id"]
            wait_until(
                lambda: client.get(f"/v1/analyses/{job}").json()["state"] in {"done", "failed"},
                description="it is analysed",
                timeout=120,
                interval=0.3,
            )
            shown = client.get(f"/v1/analyses/{job}").json()
    finally:
        up.send_signal(signal.SIGINT)
        up.communicate(timeout=60)

    assert shown["state"] == "done", shown["sentence"]
    assert shown["faces"] > 50


def answers(client: httpx.Client) -> bool:
    try:
        return client.get("/healthz").status_code == 200
    except httpx.HTTPError:
        return False
