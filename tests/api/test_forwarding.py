"""Examples that share the feed and forward it: killed and started again, they lose nothing."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from moodline.broker import Broker
from tests.api.stage import Scene
from tests.support.brokers import client_of, url_of
from tests.support.judging import all_events, event_ids
from tests.support.mqtt import Home, mqtt_broker
from tests.support.repository import ROOT
from tests.support.wait import wait_until

STARTED_WITHIN_S = 30


@contextmanager
def example(
    name: str, *words: str, env: Mapping[str, str], output: Path | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """Run an example; its end is a kill, the worst that can happen to it."""
    program = [sys.executable, "-u", str(ROOT / "examples" / name), *words]
    with (output or Path(os.devnull)).open("ab") as out:
        process = subprocess.Popen(program, env={**os.environ, **env}, stdout=out)
        try:
            yield process
        finally:
            process.kill()
            process.wait()


def ids_in(output: Path) -> list[str]:
    lines = output.read_text().splitlines() if output.exists() else []
    return [json.loads(line)["id"] for line in lines]


def test_a_group_shares_the_events_and_takes_over_from_its_dead(broker: Broker, scene: Scene, tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    env = {"REDIS_URL": url_of(broker), "DEAD_AFTER_MS": "200"}
    feed = broker.all_keys()[0].of_partition("feed")

    def has_begun() -> bool:
        return bool(client_of(broker).exists(feed) and client_of(broker).xinfo_groups(feed))

    with example("python_consumer_group.py", "doors", "one", output=first, env=env):
        wait_until(has_begun, description="the group", timeout=STARTED_WITHIN_S)
        scene.see("door", "happy")
        wait_until(lambda: len(ids_in(first)) == 2, description="two events")
    # What the dead one had been given and not acknowledged.
    scene.see("door", "sad")
    client_of(broker).xreadgroup("doors", "one", {feed: ">"})
    with example("python_consumer_group.py", "doors", "two", output=second, env=env):
        scene.see("door", "angry")
        wanted = event_ids(broker)
        wait_until(
            lambda: {*ids_in(first), *ids_in(second)} == set(wanted), description="all events", timeout=STARTED_WITHIN_S
        )
    assert sorted(ids_in(first) + ids_in(second)) == sorted(wanted)


@pytest.fixture
def mosquitto(tmp_path: Path) -> Iterator[int]:
    with mqtt_broker(tmp_path) as port:
        yield port


def test_the_mqtt_forwarder_tells_home_assistant_and_goes_on_after_a_kill(
    client: httpx.Client, broker: Broker, scene: Scene, mosquitto: int, tmp_path: Path
) -> None:
    home = Home(mosquitto)
    place = tmp_path / "place.cursor"
    env = {"MOODLINE_URL": str(client.base_url).rstrip("/"), "MQTT_PORT": str(mosquitto)}
    scene.see("door", "neutral")  # before it began: not for it
    begun = len(all_events(broker))
    kinds = ("emotion", "face_entered", "emotion_changed", "face_left")
    with example("mqtt_forwarder.py", str(place), *kinds, env=env):
        wait_until(lambda: home.last("moodline/status") == "online", description="online", timeout=STARTED_WITHIN_S)
        wait_until(place.exists, description="a place")
        scene.see("door", "happy")
        wait_until(lambda: home.last("moodline/door/emotion"), description="an event")
        state = wait_until(lambda: home.last("moodline/door/state"), description="a state")
        config = home.last("homeassistant/sensor/moodline_door/emotion/config")
        assert config["state_topic"] == "moodline/door/state"
        assert config["value_template"] == "{{ value_json.emotion }}"
        assert (set(state) >= {"emotion", "confidence", "faces", "seen_at"}, state["faces"]) == (True, 1)
        home.seen.clear()
        home.say("homeassistant/status", "online")  # Home Assistant has started anew
        time.sleep(0.1)
        scene.see("door", "happy")
        wait_until(
            lambda: home.last("homeassistant/sensor/moodline_door/faces/config"), description="it is announced again"
        )
    wait_until(lambda: home.last("moodline/status") == "offline", description="the broker says that it has gone")
    scene.see("hall", "sad")
    with example("mqtt_forwarder.py", str(place), *kinds, env=env):
        wanted = event_ids(broker)[begun:]
        wait_until(lambda: set(wanted[-2:]) <= set(home.ids()), description="what came", timeout=STARTED_WITHIN_S)
    home.close()
    assert set(home.ids()) <= set(wanted)
