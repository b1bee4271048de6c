"""The examples do what their page says: they print, go on where they were, and forward until it is taken."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from moodline.access import new_key, save_key
from moodline.broker import Broker
from moodline.event import latest_cursor, read_events
from moodline.settings import ApiSettings
from tests.api.stage import Scene, serving
from tests.support.brokers import client_of, url_of
from tests.support.hook import Hook
from tests.support.judging import all_events, event_ids
from tests.support.needs import command
from tests.support.repository import ROOT
from tests.support.wait import wait_until

EXAMPLES = ROOT / "examples"
PYTHON = (sys.executable, "-u")
STARTED_WITHIN_S = 30


@contextmanager
def running(words: Sequence[str], output: Path, **env: str) -> Iterator[subprocess.Popen[bytes]]:
    with (
        output.open("ab") as out,
        subprocess.Popen(words, env={**os.environ, **env}, stdout=out, stderr=out) as process,
    ):
        try:
            yield process
        finally:
            process.kill()


def ids_in(output: Path) -> list[str]:
    return [json.loads(line)["id"] for line in output.read_text().splitlines() if line.startswith("{")]


def followers() -> list[list[str]]:
    return [[*PYTHON, str(EXAMPLES / "python_asyncio.py")], ["node", str(EXAMPLES / "node/follow.mjs")]]


@pytest.mark.parametrize("words", followers(), ids=["asyncio", "node"])
def test_a_follower_of_the_feed_prints_each_event_once(
    broker: Broker, scene: Scene, tmp_path: Path, words: list[str]
) -> None:
    program = [command(words[0]) if words[0] == "node" else words[0], *words[1:]]
    output = tmp_path / "out"
    with running(program, output, REDIS_URL=url_of(broker)):

        def sees_something() -> bool:
            scene.see("door", "happy")
            return bool(ids_in(output))

        wait_until(sees_something, description="the first event", timeout=STARTED_WITHIN_S)
        scene.see("door", "sad", "surprise")
        last = event_ids(broker)[-1]
        wait_until(lambda: ids_in(output)[-1] == last, description="the last event")

    seen = ids_in(output)
    assert seen == event_ids(broker)[-len(seen) :]


def test_a_reader_goes_on_where_it_was_when_it_was_killed(broker: Broker, scene: Scene, tmp_path: Path) -> None:
    output, place = tmp_path / "out", tmp_path / "place.cursor"
    text, key = new_key("read")
    save_key(broker, key)
    words = [*PYTHON, str(EXAMPLES / "python_resume.py"), str(place), "stream=door", "kind=emotion"]
    scene.see("door", "happy")
    scene.see("hall", "sad")
    with serving(broker, ApiSettings(require_key=True)) as client:
        env = {"MOODLINE_URL": str(client.base_url).rstrip("/"), "MOODLINE_KEY": text}
        for number in (1, 3):
            with running(words, output, **env):
                printed(output, place, number)
            scene.see("door", "sad")
            scene.see("door", "angry")

    wanted = [event.id for event in all_events(broker) if event.stream == "door" and event.kind == "emotion"]
    assert ids_in(output) == wanted[:3]


def printed(output: Path, place: Path, number: int) -> None:
    wait_until(
        lambda: len(ids_in(output)) >= number and place.exists(),
        description=f"{number} events",
        timeout=STARTED_WITHIN_S,
    )


def test_the_forwarder_posts_until_it_is_taken_and_goes_on_after_a_restart(
    client: httpx.Client, broker: Broker, scene: Scene, tmp_path: Path
) -> None:
    place = tmp_path / "place.cursor"
    words = [*PYTHON, str(EXAMPLES / "webhook_forwarder.py"), str(place), "kind=emotion"]
    env = {"MOODLINE_URL": str(client.base_url).rstrip("/"), "WEBHOOK_SECRET": "sesame"}
    scene.see("door", "neutral")  # before it began: not for it
    with Hook(b"sesame", [503, 204, 404]) as hook:
        with running(words, tmp_path / "out", WEBHOOK_URL=hook.url, **env):
            wait_until(place.exists, description="it follows", timeout=STARTED_WITHIN_S)
            for _ in range(3):
                scene.see("door", "happy")
            wait_until(lambda: len(hook.asked) == 4, description="three events, one of them twice")
            wait_until(lambda: len(hook.taken) == 2, description="two are taken, one is refused for ever")
            last = [cursor for cursor, event in read_events(broker)[0] if event.kind == "emotion"][-1]
            wait_until(lambda: place.read_text() == last, description="the cursor is kept")
        scene.see("door", "sad")
        with running(words, tmp_path / "out", WEBHOOK_URL=hook.url, **env):
            wait_until(lambda: len(hook.taken) == 3, description="what came meanwhile", timeout=STARTED_WITHIN_S)

    wanted = [event.id for event in all_events(broker) if event.kind == "emotion"][1:]
    assert hook.asked[:2] == [wanted[0]] * 2
    assert list(dict.fromkeys(hook.asked)) == wanted
    assert hook.taken[-1] == wanted[-1]


def test_the_forwarder_says_what_had_left_the_feed_and_goes_on(
    client: httpx.Client, broker: Broker, scene: Scene, tmp_path: Path
) -> None:
    place, output = tmp_path / "place.cursor", tmp_path / "out"
    scene.see("door", "neutral")
    place.write_text(latest_cursor(broker))
    for _ in range(6):
        scene.see("door", "happy")
    gone = client_of(broker).xtrim(broker.all_keys()[0].of_partition("feed"), maxlen=2, approximate=False)
    env = {"MOODLINE_URL": str(client.base_url).rstrip("/"), "WEBHOOK_SECRET": ""}
    with Hook(b"", []) as hook:
        words = [*PYTHON, str(EXAMPLES / "webhook_forwarder.py"), str(place)]
        with running(words, output, WEBHOOK_URL=hook.url, **env):
            wait_until(lambda: hook.taken == event_ids(broker), description="what is left", timeout=STARTED_WITHIN_S)

    assert f"{gone - 2} events had left the feed before they could be read." in output.read_text()


def test_the_forwarder_follows_no_redirection_and_signs_nothing_without_a_secret(
    client: httpx.Client, broker: Broker, scene: Scene, tmp_path: Path
) -> None:
    place = tmp_path / "place.cursor"
    words = [*PYTHON, str(EXAMPLES / "webhook_forwarder.py"), str(place), "kind=emotion"]
    env = {"MOODLINE_URL": str(client.base_url).rstrip("/"), "WEBHOOK_SECRET": ""}
    with Hook(b"", [302, 307]) as hook, running(words, tmp_path / "out", WEBHOOK_URL=hook.url, **env):
        wait_until(place.exists, description="it follows", timeout=STARTED_WITHIN_S)
        scene.see("door", "happy")
        wait_until(lambda: hook.taken != [], description="it is taken", timeout=STARTED_WITHIN_S)

    wanted = [event.id for event in all_events(broker) if event.kind == "emotion"]
    assert hook.asked == wanted * 3
    assert not hook.led_astray
