"""Every state that a stream can be in, as ingest tells it, seen by the API, by Prometheus and by `moodline streams`."""

from datetime import timedelta

import httpx
import pytest

from moodline.broker import Broker
from moodline.crop_queue import Reader
from moodline.embedded import EmbeddedServer
from moodline.streams import STREAM_STATES, StreamState, StreamStatus
from tests.cli.running import moodline
from tests.support.brokers import live_stream

SENTENCES: dict[StreamState, str] = {
    "connecting": "Nothing listens at rtsp://cam/1: connection refused; trying again.",
    "live": "Reading rtsp://cam/1.",
    "stalled": "rtsp://cam/1 has given no frame for 7 s.",
    "auth_failed": "rtsp://cam/1 refuses the user or password.",
    "not_found": "rtsp://cam/1 is not there, though its server answers: check the path.",
    "unsupported": "rtsp://cam/1 is no video that FFmpeg can decode.",
    "ended": "film.mp4 was read to its end.",
    "stopped": "Ingest stopped reading rtsp://cam/1.",
}
OVER = {"ended", "stopped"}


@pytest.fixture
def streams(broker: Broker) -> list[StreamState]:
    """A stream in each state, named after it; those that are over have no reader any more."""
    for state in STREAM_STATES:
        settings = live_stream(state)
        reader = Reader.acquire(broker, settings, owner="h", lease=timedelta(minutes=1), recorded=False)
        status = StreamStatus(state, SENTENCES[state], "rtsp://cam/1", "live")
        (reader.release if state in OVER else reader.report)(status)
    return list(STREAM_STATES)


def test_every_state_is_seen_everywhere(
    client: httpx.Client, streams: list[StreamState], embedded_server: EmbeddedServer
) -> None:
    answered = {stream["id"]: stream for stream in client.get("/v1/streams").json()["streams"]}
    measured = client.get("/metrics").text.splitlines()
    listed = moodline("streams", env={"REDIS_URL": embedded_server.url}).stdout.splitlines()
    for state in streams:
        assert (answered[state]["state"], answered[state]["sentence"]) == (state, SENTENCES[state])
        ones = [line for line in measured if f'stream="{state}"' in line and line.startswith("moodline_stream_state")]
        assert [f'state="{state}"' in line for line in ones if line.endswith(" 1.0")] == [True]
        assert f'moodline_stream_up{{stream="{state}"}} {float(state == "live")}' in measured
        (row,) = [line for line in listed if line.split()[:2] == [state, state]]
        assert SENTENCES[state] in row
