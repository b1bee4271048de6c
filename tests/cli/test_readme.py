"""What the README tells its reader to type works."""

import os
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from moodline.broker import Broker
from moodline.embedded import EmbeddedServer
from moodline.event import parse_event
from tests.cli.feeding import Feeder
from tests.cli.running import environment, moodline
from tests.support.brokers import broker_on
from tests.support.needs import command
from tests.support.wait import wait_until

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def block(language: str, containing: str) -> str:
    """The README's only block of a language with a text in it."""
    (found,) = [text for kind, text in FENCE.findall(README) if kind == language and containing in text]
    return str(found)


@pytest.fixture
def reachable_broker(tmp_path: Path) -> Iterator[Broker]:
    """A broker on a server with a port, as redis-cli wants it."""
    directory = tmp_path / ("long" * 25)
    directory.mkdir()
    with EmbeddedServer(directory=directory) as server:
        broker = broker_on(server)
        yield broker
        broker.close()


def seen_by(consumer: list[str], broker: Broker, output: Path, *, lines: int) -> list[str]:
    """Run a consumer, feed events until it has written some lines, and return these."""
    url = broker.settings.url
    assert url is not None
    env = environment(REDIS_URL=url.get_secret_value())
    feeder = Feeder(broker)

    def written() -> list[str]:
        # What follows the last newline is half a line: its writer was killed, or is not done.
        return output.read_text().split("\n")[:-1]

    with output.open("w") as out, subprocess.Popen(consumer, env=env, stdout=out, start_new_session=True) as process:
        try:
            wait_until(
                lambda: feeder.feed("happy") and (len(written()) >= lines or process.poll() is not None),
                description=f"{lines} lines of the consumer",
                timeout=30,
            )
            assert process.poll() is None, "the consumer goes on until it is stopped"
        finally:
            os.killpg(process.pid, signal.SIGKILL)
    return written()


def test_the_python_consumer_prints_events(reachable_broker: Broker, tmp_path: Path) -> None:
    script = tmp_path / "consumer.py"
    script.write_text(block("python", "xread"))
    lines = seen_by([sys.executable, str(script)], reachable_broker, tmp_path / "out", lines=3)
    assert set(lines) == {"lobby t-0 happy 0.94"}


def test_the_redis_cli_consumer_prints_each_event_once(reachable_broker: Broker, tmp_path: Path) -> None:
    command("redis-cli")
    script = block("sh", "redis-cli")
    lines = seen_by(["/bin/sh", "-c", script], reachable_broker, tmp_path / "out", lines=5)
    events = [parse_event(line) for line in lines]
    sequences = [event.sequence for event in events]
    assert sequences == list(range(sequences[0], sequences[0] + len(events)))


def test_every_command_and_option_exists() -> None:
    known = {name: moodline(name, "--help").stdout for name in ("up", "events", "streams", "check-config", "analyse")}
    known["keys"] = moodline("keys", "--help").stdout + moodline("keys", "create", "--help").stdout
    lines = [line for kind, text in FENCE.findall(README) if kind == "sh" for line in text.splitlines()]
    used = [shlex.split(line, comments=True) for line in lines if line.startswith("moodline ")]
    assert len(used) >= 7
    missing = [
        (command, option)
        for _, command, *rest in used
        for option in rest
        if option.startswith("--") and option not in known[command]
    ]
    assert missing == []


def test_every_link_leads_somewhere() -> None:
    targets = [target for target in re.findall(r"\]\(([^)#]+)\)", README) if "://" not in target]
    assert len(targets) >= 6
    assert [target for target in targets if not (ROOT / target).exists()] == []


def test_it_names_the_law() -> None:
    assert "Article 5(1)(f) of the EU AI Act" in README
