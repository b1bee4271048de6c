"""How much there may be: requests in a time, bytes of a body, subscribers at once."""

import asyncio
from contextlib import ExitStack
from typing import Any

import httpx
import pytest

import api.limits
from api.limits import BodyLimit, BodyTooLargeError, TokenBuckets, bounded, network_of
from moodline.broker import Broker
from moodline.settings import ApiSettings
from tests.api import ws
from tests.api.stage import serving
from tests.api.test_access import bearer, make_key
from tests.api.test_connections import check_problem, said_to
from tests.api.test_streams import detail
from tests.support.wait import wait_until


def test_a_bucket_fills_with_time_and_the_oldest_is_forgotten() -> None:
    now = [0.0]
    buckets = TokenBuckets(2.0, 3.0, clock=lambda: now[0])

    assert [buckets.take("a") for _ in range(4)] == [0, 0, 0, 0.5]
    now[0] = 1.0
    assert [buckets.take("a") for _ in range(3)] == [0, 0, 0.5]
    assert buckets.take("b") == 0
    for number in range(10_000):
        buckets.take(f"client-{number}")
    assert buckets.take("a") == 0


def test_a_small_rate_slows_down_and_locks_nobody_out(broker: Broker) -> None:
    with serving(broker, ApiSettings(rate_limit=0.1)) as client:
        assert client.get("/healthz").status_code == 200
        assert detail(client.get("/healthz"), 429) == "That were too many requests; ask again in 10 s."


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:aaaa::7", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", ""),
    ],
)
def test_an_ipv6_address_is_counted_with_its_network(address: str, network: str) -> None:
    assert network_of(address) == network


def test_a_body_that_is_too_large_is_not_taken(broker: Broker) -> None:
    with serving(broker, ApiSettings.model_validate({"max_body": "10KiB"})) as client:
        answer = client.post("/v1/streams", content=b"x" * 20_000)
        assert detail(answer, 413) == "The body is larger than 10240 bytes (api.max_body); send less."


def test_a_body_without_a_length_is_counted_as_it_comes() -> None:

    async def more() -> Any:
        return {"type": "http.request", "body": b"x" * 1000, "more_body": True}

    async def read() -> None:
        receive = bounded(more, BodyLimit(10_240, "api.max_body"))
        for _ in range(10):
            await receive()
        with pytest.raises(BodyTooLargeError):
            await receive()

    asyncio.run(read())


def test_a_body_of_which_nothing_comes_is_given_up(broker: Broker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api.limits, "STALLED_S", 0.2)
    sent = (
        b"POST /v1/streams HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n"
    )
    with serving(broker) as client:
        answer = said_to(client, sent + b"{")
    assert check_problem(answer, 408) == "Nothing of the body has come for 0 s; send it again."


def test_more_subscribers_than_there_is_room_for_are_refused(broker: Broker) -> None:
    with serving(broker, ApiSettings(max_subscribers=1)) as client, ws.live(client):
        answer = client.get("/v1/events/live")
        assert "api.max_subscribers" in detail(answer, 503)
        assert int(answer.headers["retry-after"]) > 0


def test_one_key_takes_its_share_of_the_subscribers_and_not_all(broker: Broker) -> None:
    mine, other = (make_key(broker, "read") for _ in range(2))
    settings = ApiSettings(require_key=True, metrics_needs_key=False, max_subscribers_per_client=2)
    with serving(broker, settings) as client, ExitStack() as stack:

        def follow(key: str) -> None:
            stack.enter_context(ws.live(client, ["moodline.v1", f"moodline.key.{key}"]))

        follow(mine)
        with ws.live(client, ["moodline.v1", f"moodline.key.{mine}"]):
            refused = client.get("/v1/events/live", headers=bearer(mine))
            assert "api.max_subscribers_per_client" in detail(refused, 429)
            follow(other)
        wait_until(lambda: "subscribers 2.0" in client.get("/metrics").text, description="one has left")
        follow(mine)


def test_a_burst_does_not_pass_the_most_subscribers_and_places_are_given_back(broker: Broker) -> None:
    with serving(broker, ApiSettings(max_subscribers=3)) as client:

        def fills_all_places() -> bool:
            assert client.get("/v1/events/live?stream=nobody").status_code in {404, 503}  # refused, so it keeps none
            taken = asyncio.run(burst(str(client.base_url), 24)).count(200)
            assert taken <= 3
            return taken == 3

        for _ in range(2):
            wait_until(fills_all_places, description="three of many have a place")


async def burst(url: str, askers: int) -> list[int]:
    """Subscribe at once and return what each is answered; nobody leaves before all are answered."""
    async with httpx.AsyncClient(base_url=url, timeout=10, trust_env=False) as client:
        requests = [client.build_request("GET", "/v1/events/live") for _ in range(askers)]
        answers = await asyncio.gather(*(client.send(request, stream=True) for request in requests))
        for answer in answers:
            await answer.aclose()
    return [answer.status_code for answer in answers]
