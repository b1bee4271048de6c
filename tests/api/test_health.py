"""Whether the process lives, whether it is ready, and what Prometheus gets."""

from pathlib import Path

import httpx
from prometheus_client.parser import text_string_to_metric_families

from moodline.broker import Broker
from moodline.embedded import EmbeddedServer
from tests.api.stage import Scene, serving
from tests.support.brokers import broker_on
from tests.support.wait import wait_until


def samples(client: httpx.Client) -> dict[tuple[str, frozenset[str]], float]:
    families = text_string_to_metric_families(client.get("/metrics").text)
    return {
        (sample.name, frozenset(sample.labels.values())): sample.value
        for family in families
        for sample in family.samples
    }


def test_a_running_process_lives_and_is_ready(client: httpx.Client) -> None:
    assert client.get("/healthz").json() == {"status": "ok"}
    assert client.get("/readyz").json() == {"status": "ready"}


def test_while_redis_is_away_the_api_lives_says_so_and_recovers(tmp_path: Path) -> None:
    server = EmbeddedServer(directory=tmp_path).start()
    broker = broker_on(server)
    try:
        with serving(broker) as client:
            server.stop()
            answer = client.get("/readyz")
            assert (answer.status_code, answer.headers["content-type"]) == (503, "application/problem+json")
            assert "cannot be reached" in answer.json()["detail"]
            assert int(answer.headers["retry-after"]) > 0
            assert client.get("/v1/streams").status_code == 503
            assert client.get("/v1/events/live").status_code == 503
            assert client.get("/healthz").status_code == 200
            assert client.get("/metrics").status_code == 200

            server.start()
            wait_until(lambda: client.get("/readyz").status_code == 200, description="ready again")
    finally:
        broker.close()
        server.stop()


def test_prometheus_gets_each_streams_state_and_ledger(client: httpx.Client, scene: Scene) -> None:
    scene.open("door", age_ms=3000)
    scene.see("door", "happy", "sad")
    scene.queue("door", 2)
    scene.drop("door")
    scene.open("gate", "auth_failed")

    found = samples(client)

    assert found["moodline_stream_up", frozenset({"door"})] == 1
    assert found["moodline_stream_up", frozenset({"gate"})] == 0
    assert found["moodline_stream_state", frozenset({"gate", "auth_failed"})] == 1
    assert found["moodline_accepted_total", frozenset({"door"})] == 4
    assert found["moodline_delivered_total", frozenset({"door"})] == 2
    assert found["moodline_dropped_total", frozenset({"door", "poison"})] == 1
    assert found["moodline_queue_depth", frozenset({"door"})] == 1
    assert 3 <= found["moodline_last_frame_age_seconds", frozenset({"door"})] < 10


def test_made_up_paths_make_no_new_label(broker: Broker) -> None:
    with serving(broker) as client:
        for number in range(3):
            client.get(f"/v1/streams/made-up-{number}")
            client.get(f"/made/up/{number}")
        found = samples(client)

    labels = {label for name, labels in found if name == "moodline_request_seconds_count" for label in labels}
    assert labels == {"/v1/streams/{id}", "other", "404"}
