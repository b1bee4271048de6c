"""Who may ask for what: keys and their scopes, rates, sizes, and names."""

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus

import api.access
from api.keyring import Keyring
from api.middleware import SECURITY_HEADERS
from moodline.access import Scope, new_key, revoke_key, save_key
from moodline.broker import Broker
from moodline.errors import BrokerUnavailableError
from moodline.settings import ApiSettings
from tests.api import sse, ws
from tests.api.stage import Scene, serving
from tests.api.test_streams import detail
from tests.support.wait import wait_until

OPEN_TO_ALL = ("/", "/streams/door", "/static/app.js", "/openapi.json", "/healthz", "/readyz")


def make_key(broker: Broker, scope: Scope) -> str:
    text, key = new_key(scope)
    save_key(broker, key)
    return text


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


@pytest.fixture
def guarded(broker: Broker) -> Iterator[httpx.Client]:
    """A client of an API that others than this machine reach."""
    with serving(broker, ApiSettings(host="0.0.0.0")) as client:
        yield client


def test_no_key_is_needed_on_loopback_alone() -> None:
    for host in ("127.0.0.1", "localhost", "::1", "127.8.8.8"):
        assert not ApiSettings(host=host).needs_key, host
    for host in ("0.0.0.0", "::", "192.0.2.1", "camera.local"):
        assert ApiSettings(host=host).needs_key, host
    assert ApiSettings(require_key=True).needs_key


@pytest.mark.parametrize("path", ["/v1/streams", "/v1/summary", "/v1/events/live", "/v1/no/such/thing"])
def test_whoever_has_no_key_gets_nothing(guarded: httpx.Client, path: str) -> None:
    answer = guarded.get(path)

    assert detail(answer, 401) == "This moodline asks for a key: send one as 'Authorization: Bearer KEY'."
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("path", OPEN_TO_ALL)
def test_what_holds_no_data_needs_no_key(guarded: httpx.Client, path: str) -> None:
    assert guarded.get(path).status_code == 200


def test_metrics_are_closed_where_data_is_and_can_be_opened(broker: Broker, guarded: httpx.Client) -> None:
    assert "send one as" in detail(guarded.get("/metrics"), 401)
    assert guarded.get("/metrics", headers=bearer(make_key(broker, "read"))).status_code == 200
    with serving(broker, ApiSettings(host="0.0.0.0", metrics_needs_key=False)) as client:
        assert client.get("/metrics").status_code == 200


def test_health_and_metrics_can_be_closed(broker: Broker) -> None:
    key = make_key(broker, "read")
    with serving(broker, ApiSettings(require_key=True, health_needs_key=True, metrics_needs_key=True)) as client:
        for path in ("/healthz", "/readyz", "/metrics"):
            assert client.get(path).status_code == 401
            assert client.get(path, headers=bearer(key)).status_code == 200


@pytest.mark.parametrize(("scope", "status"), [("read", 200), ("write", 200), ("webcam", 403)])
def test_a_key_opens_what_its_scope_says(guarded: httpx.Client, broker: Broker, scope: Scope, status: int) -> None:
    answer = guarded.get("/v1/streams", headers=bearer(make_key(broker, scope)))

    assert answer.status_code == status
    if status == 403:
        assert detail(answer, 403) == "This key may webcam, and this needs one that may read."


def test_a_key_that_may_read_changes_nothing(guarded: httpx.Client, broker: Broker) -> None:
    answer = guarded.post("/v1/streams", headers=bearer(make_key(broker, "read")))

    assert detail(answer, 403) == "This key may read, and this needs one that may write."
    assert guarded.post("/v1/streams", headers=bearer(make_key(broker, "write"))).status_code == 422


def test_a_wrong_key_opens_nothing(guarded: httpx.Client, broker: Broker) -> None:
    key = make_key(broker, "read")
    other_secret = key[:-1] + ("0" if key[-1] != "0" else "1")

    for wrong in (other_secret, "ml_00000000_" + key.rpartition("_")[2], "sesame", "ü"):
        answer = guarded.get("/v1/streams", headers={b"Authorization": f"Bearer {wrong}".encode()})
        assert "not known here" in detail(answer, 401), wrong


def test_a_key_of_the_configuration_opens_beside_those_in_redis(broker: Broker) -> None:
    text, key = new_key("read")
    with serving(broker, ApiSettings(require_key=True, keys=(key.line,))) as client:
        assert client.get("/v1/streams", headers=bearer(text)).status_code == 200
        assert client.get("/v1/streams", headers=bearer(make_key(broker, "read"))).status_code == 200


def test_redis_knows_no_key_that_could_be_used(broker: Broker) -> None:
    key = make_key(broker, "read")
    secret = key.rpartition("_")[2]

    stored = str(broker.client.hgetall("moodline:api-keys"))

    assert key.split("_")[1] in stored
    assert secret not in stored


def test_a_revoked_key_opens_nothing_more(guarded: httpx.Client, broker: Broker) -> None:
    key = make_key(broker, "read")
    assert guarded.get("/v1/streams", headers=bearer(key)).status_code == 200

    assert revoke_key(broker, key.split("_")[1])

    wait_until(
        lambda: guarded.get("/v1/streams", headers=bearer(key)).status_code == 401, description="the key is refused"
    )


def test_who_follows_with_a_revoked_key_is_cut_off(
    broker: Broker, scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api.access, "RECHECK_S", 0.0)
    monkeypatch.setattr("api.keyring.FRESH_S", 0.0)
    key = make_key(broker, "read")
    scene.open("door")
    with (
        serving(broker, ApiSettings(require_key=True)) as client,
        sse.live(client, **bearer(key)) as coming,
        ws.live(client, ["moodline.v1", f"moodline.key.{key}"]) as socket,
    ):
        revoke_key(broker, key.split("_")[1])
        scene.see("door", "happy")

        assert list(coming) == []
        with pytest.raises(ConnectionClosed) as closed:
            ws.take(socket)
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.reason == "The key has been revoked."


def test_a_websocket_takes_its_key_as_a_header_or_a_subprotocol(guarded: httpx.Client, broker: Broker) -> None:
    key = make_key(broker, "read")

    with ws.live(guarded, ["moodline.v1", f"moodline.key.{key}"]) as socket:
        assert socket.subprotocol == "moodline.v1"
    with ws.opened(guarded, (), bearer(key)) as socket:
        assert ws.take(socket)["event"] == "ready"
    with pytest.raises(InvalidStatus) as refused, ws.opened(guarded):
        pass
    assert refused.value.response.status_code == 401


@pytest.mark.parametrize("origin", ["https://evil.test", "null"])
def test_a_page_of_somebody_else_cannot_open_a_websocket_or_change_anything(client: httpx.Client, origin: str) -> None:
    with pytest.raises(InvalidStatus) as refused, ws.opened(client, (), {"Origin": origin}):
        pass

    assert json.loads(refused.value.response.body or b"")["status"] == 403
    assert detail(client.post("/v1/streams", headers={"Origin": origin}), 403).endswith("open moodline's own page.")
    with ws.opened(client, (), {"Origin": str(client.base_url).rstrip("/")}) as socket:
        assert ws.take(socket)["event"] == "ready"


@pytest.mark.parametrize("path", ["/v1/streams", "/metrics", "/static/app.js"])
def test_a_page_of_another_site_reads_nothing(client: httpx.Client, path: str) -> None:
    for mode, dest in (("no-cors", "script"), ("cors", "empty"), ("navigate", "iframe")):
        asked = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": mode, "Sec-Fetch-Dest": dest}
        said = detail(client.get(path, headers=asked), 403)
        assert said.startswith("A page of another site may not read this")
        assert client.get(path, headers={**asked, "Sec-Fetch-Site": "same-origin"}).status_code == 200


@pytest.mark.parametrize("path", ["/", "/streams/door", "/v1/summary?format=csv"])
def test_a_link_on_another_site_opens(client: httpx.Client, path: str) -> None:
    follows = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}

    assert client.get(path, headers=follows).status_code == 200


def test_a_name_that_was_made_to_point_here_is_refused(client: httpx.Client, broker: Broker) -> None:
    assert "'evil.test'" in detail(client.get("/v1/streams", headers={"Host": "evil.test"}), 421)
    for host in ("localhost:8080", "[::1]:8080", "127.0.0.1"):
        assert client.get("/v1/streams", headers={"Host": host}).status_code == 200
    with serving(broker, ApiSettings(allowed_hosts=("moodline.test",))) as named:
        assert named.get("/v1/streams", headers={"Host": "Moodline.test:443"}).status_code == 200
        assert named.get("/v1/streams").status_code == 421


def test_a_malformed_host_or_origin_is_refused_and_is_no_fault_of_the_server(broker: Broker) -> None:
    with serving(broker, ApiSettings(require_key=True)) as client:
        for path in ("/v1/streams", "/healthz", "/"):
            answer = client.get(path, headers={"Host": "["})
            assert detail(answer, 421) == "The header Host is no name of a host."
            assert answer.json()["instance"] == path
        assert "may not do this" in detail(client.post("/v1/streams", headers={"Origin": "http://["}), 403)
        with pytest.raises(InvalidStatus) as refused, ws.opened(client, (), {"Origin": "http://["}):
            pass
        assert refused.value.response.status_code == 403


def test_who_asks_too_often_is_told_when_to_ask_again(broker: Broker) -> None:
    with serving(broker, ApiSettings(rate_limit=5)) as client:
        answers = [client.get("/healthz") for _ in range(40)]

    refused = next(answer for answer in answers if answer.status_code != 200)
    assert 10 <= answers.index(refused) < 40
    assert detail(refused, 429) == "That were too many requests; ask again in 1 s."
    assert refused.headers["retry-after"] == "1"


def test_who_guesses_keys_is_slowed_down_and_keys_are_counted_apart(broker: Broker) -> None:
    key = make_key(broker, "read")
    with serving(broker, ApiSettings(require_key=True)) as client:
        statuses = [client.get("/v1/streams", headers=bearer("wrong")).status_code for _ in range(60)]
        assert statuses[0] == 401
        assert 429 in statuses
        assert client.get("/healthz").status_code == 200
    with serving(broker, ApiSettings(require_key=True, rate_limit=5)) as client:
        while client.get("/v1/streams", headers=bearer(key)).status_code == 200:
            pass
        assert client.get("/v1/streams", headers=bearer(make_key(broker, "read"))).status_code == 200


def test_wrong_keys_from_an_address_lock_no_valid_key_out_and_no_header_chooses_the_address(broker: Broker) -> None:
    key = make_key(broker, "read")
    with serving(broker, ApiSettings(require_key=True)) as client:
        assert client.get("/v1/streams", headers=bearer(key)).status_code == 200
        guesses = ({**bearer("wrong"), "X-Forwarded-For": f"192.0.2.{number}"} for number in range(60))
        assert 429 in [client.get("/v1/streams", headers=guess).status_code for guess in guesses]
        assert client.get("/v1/streams", headers=bearer(key)).status_code == 200
        assert client.get("/v1/streams").status_code == 401


def test_what_faces_showed_is_not_cached_on_the_way(client: httpx.Client) -> None:
    assert client.get("/v1/streams").headers["cache-control"] == "no-store"
    assert client.get("/v1/streams").headers["x-frame-options"] == "DENY"


def test_a_fault_of_the_server_has_the_headers_of_every_answer(
    client: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    right = client.get("/v1/streams")
    monkeypatch.setattr("api.routes.streams.known_streams", lambda _: 1 / 0)
    wrong = client.get("/v1/streams")

    assert detail(wrong, 500) == "This is a fault of the server; its log says more."
    assert all(wrong.headers[name] == right.headers[name] for name in (*SECURITY_HEADERS, "Cache-Control"))


def test_keys_that_were_valid_stay_so_while_redis_is_away(broker: Broker, monkeypatch: pytest.MonkeyPatch) -> None:

    key = make_key(broker, "read")
    now = [0.0]

    async def scenario() -> list[bool]:
        keyring = Keyring(broker, (), clock=lambda: now[0])
        before = await keyring.find(key) is not None

        def away(_: Broker) -> Any:
            raise BrokerUnavailableError("Redis is away.")

        monkeypatch.setattr("api.keyring.saved_keys", away)
        now[0] = 60.0
        return [before, await keyring.find(key) is not None]

    assert asyncio.run(scenario()) == [True, True]
