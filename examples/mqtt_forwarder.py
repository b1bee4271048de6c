"""Forwards moodline's events to an MQTT broker, and shows its streams to Home Assistant.

    MQTT_HOST=broker.local python mqtt_forwarder.py CURSOR_FILE [KIND ...]

Follows moodline's API (MOODLINE_URL, MOODLINE_KEY). Needs `pip install paho-mqtt`. Without kinds it forwards those that
come once a face and change: face_entered, emotion_changed and face_left. What it publishes, with MQTT_PREFIX in the
place of moodline:

    moodline/<stream>/<kind>     each event as JSON, QoS 1
    moodline/<stream>/state      retained: the last steady emotion, its confidence, and how many faces are in view
    moodline/status              retained: online, or offline as the broker's last word about this program
    homeassistant/sensor/...     retained: the streams as devices with two sensors (MQTT discovery)

At least once: the cursor is written after the broker has taken what came before it. A restart goes on from there, and
may repeat the last event; deduplicate by `id`.
"""

import json
import os
import sys
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from http.client import HTTPException
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
from live_events import URL, keep, live_events, say, secret
from paho.mqtt.enums import CallbackAPIVersion

PREFIX = os.environ.get("MQTT_PREFIX", "moodline")
DISCOVERY = os.environ.get("MQTT_DISCOVERY_PREFIX", "homeassistant")
KINDS = ("face_entered", "emotion_changed", "face_left")
STATUS = f"{PREFIX}/status"
AGAIN_AFTER_S = 1.0

Message = tuple[str, str, bool]  # topic, payload, retained


class Streams:
    """What is known of the streams since this program began."""

    def __init__(self) -> None:
        self._tracks: dict[str, set[str]] = defaultdict(set)
        self._announced: set[str] = set()

    def messages(self, event: dict[str, Any]) -> Iterator[Message]:
        """Yield what is to be published for an event."""
        stream, kind = event["stream"], event["kind"]
        if stream not in self._announced:
            self._announced.add(stream)
            yield from discovery(stream)
        if kind == "face_left":
            self._tracks[stream].discard(event["track"])
        else:
            self._tracks[stream].add(event["track"])
        yield f"{PREFIX}/{stream}/{kind}", json.dumps(event), False
        state = {**event["smoothed"], "faces": len(self._tracks[stream]), "seen_at": event["captured_at"]}
        yield f"{PREFIX}/{stream}/state", json.dumps(state), True

    def forget(self) -> None:
        """Announce every stream again: Home Assistant has started, and asks."""
        self._announced.clear()


def discovery(stream: str) -> Iterator[Message]:
    """Yield the messages by which Home Assistant gets to know a stream: its emotion, and its faces."""
    emotion = {"name": "Emotion", "icon": "mdi:emoticon-outline", "value_template": "{{ value_json.emotion }}"}
    faces = {"name": "Faces", "icon": "mdi:account-group", "value_template": "{{ value_json.faces }}"}
    faces |= {"state_class": "measurement", "unit_of_measurement": "faces"}
    for name, sensor in (("emotion", emotion), ("faces", faces)):
        config = {
            **sensor,
            "unique_id": f"{PREFIX}_{stream}_{name}",
            "state_topic": f"{PREFIX}/{stream}/state",
            "json_attributes_topic": f"{PREFIX}/{stream}/state",
            "availability_topic": STATUS,
            "device": {"identifiers": [f"{PREFIX}_{stream}"], "name": f"moodline {stream}", "manufacturer": "moodline"},
        }
        yield f"{DISCOVERY}/sensor/{PREFIX}_{stream}/{name}/config", json.dumps(config), True


class Publisher:
    """The connection to the broker, which comes back by itself."""

    def __init__(self, streams: Streams) -> None:
        self._streams = streams
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=os.environ.get("MQTT_CLIENT_ID", ""))
        if user := os.environ.get("MQTT_USER"):
            self._client.username_pw_set(user, secret("MQTT_PASSWORD"))
        if os.environ.get("MQTT_TLS"):
            self._client.tls_set()
        self._client.will_set(STATUS, "offline", qos=1, retain=True)
        self._client.on_connect = self._connected
        self._client.on_message = lambda *_: self._streams.forget()
        self._client.connect_async(os.environ.get("MQTT_HOST") or "127.0.0.1", int(os.environ.get("MQTT_PORT", "1883")))
        self._client.loop_start()

    def publish(self, messages: Sequence[Message]) -> None:
        """Return when the broker has taken all; after a broken connection all are sent again."""
        while messages:
            if self._client.is_connected() and self._try(messages):
                return
            say("The MQTT broker takes nothing; trying again.")
            time.sleep(AGAIN_AFTER_S)

    def _try(self, messages: Sequence[Message]) -> bool:
        try:
            sent = [self._client.publish(topic, text, qos=1, retain=keep) for topic, text, keep in messages]
            for one in sent:
                one.wait_for_publish(timeout=10)
            return all(one.is_published() for one in sent)
        except RuntimeError:  # the connection broke between the question and the answer
            return False

    def _connected(self, client: mqtt.Client, _data: Any, _flags: Any, reason: Any, _properties: Any) -> None:
        if reason.is_failure:
            say(f"The MQTT broker refuses: {reason}.")
            return
        client.publish(STATUS, "online", qos=1, retain=True)
        client.subscribe(f"{DISCOVERY}/status")


def main(place: Path, kinds: Sequence[str]) -> None:
    """Forward until Ctrl-C."""
    streams = Streams()
    publisher = Publisher(streams)
    while True:
        try:
            for message in live_events(place, [("kind", kind) for kind in kinds]):
                publisher.publish([*streams.messages(json.loads(message["data"]))])
                keep(place, message["id"])
        except (OSError, HTTPException) as error:
            say(f"moodline at {URL}: {error}")
        time.sleep(AGAIN_AFTER_S)


if __name__ == "__main__":
    try:
        main(Path(sys.argv[1]), sys.argv[2:] or KINDS)
    except KeyboardInterrupt:
        pass
