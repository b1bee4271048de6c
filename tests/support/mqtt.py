"""A real MQTT broker, and somebody who subscribes to everything on it."""

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from tests.support.needs import command
from tests.support.wait import wait_until
from tests.support.workers import free_port


@contextmanager
def mqtt_broker(folder: Path) -> Iterator[int]:
    """Run Mosquitto; gives its port."""
    port = free_port()
    config = folder / "mosquitto.conf"
    config.write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\npersistence false\nuser root\n")
    with subprocess.Popen([command("mosquitto"), "-c", str(config)], stderr=subprocess.DEVNULL) as process:
        try:
            yield port
        finally:
            process.terminate()


class Home:
    """A subscriber of everything, as Home Assistant is one."""

    def __init__(self, port: int) -> None:
        self.seen: list[tuple[str, Any, bool]] = []
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2)
        self._client.on_connect = lambda client, *_: client.subscribe("#", qos=1)
        self._client.on_message = lambda _client, _data, message: self._take(message)
        self._client.connect_async("127.0.0.1", port)
        self._client.loop_start()
        wait_until(self._client.is_connected, description="the broker listens")

    def _take(self, message: mqtt.MQTTMessage) -> None:
        text = message.payload.decode()
        self.seen.append((message.topic, json.loads(text) if text.startswith("{") else text, bool(message.retain)))

    def last(self, topic: str) -> Any:
        return next((content for name, content, _ in reversed(self.seen) if name == topic), None)

    def ids(self) -> list[str]:
        return [content["id"] for _, content, _ in self.seen if isinstance(content, dict) and "kind" in content]

    def say(self, topic: str, text: str) -> None:
        self._client.publish(topic, text)

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()
