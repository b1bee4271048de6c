"""Whatever is asked, the API answers as its OpenAPI document says: no fault of the server, no undocumented answer."""

from collections import Counter
from collections.abc import Iterator
from itertools import product
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import FailureGroup
from schemathesis.core.result import Ok
from schemathesis.generation import GenerationMode
from schemathesis.schemas import APIOperation
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from moodline.access import new_key
from moodline.broker import Broker
from moodline.embedded import EmbeddedServer
from moodline.resolutions import MOST_READ
from moodline.settings import ApiSettings, JobSettings
from tests.api.stage import Scene, serving
from tests.support.brokers import broker_on

ENDLESS = "/v1/events/live"
"""Its good answer has no end to wait for; tests/api/test_live.py and test_streams.py ask it."""
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
QUICKLY = settings(
    max_examples=8,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture(scope="module")
def fuzzed(
    embedded_server: EmbeddedServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[httpx.Client, str, Broker]]:
    """An API with streams in it that asks for a key, that key, and its Redis."""
    broker = broker_on(embedded_server)
    broker.client.flushall()
    scene = Scene(broker)
    scene.open("entrance")
    scene.see("entrance", "happy", "sad")
    text, key = new_key("write")
    jobs = JobSettings(folder=tmp_path_factory.mktemp("jobs"))
    with serving(broker, ApiSettings(require_key=True, keys=(key.line,), rate_limit=0), jobs=jobs) as client:
        yield client, text, broker
    broker.close()


def operations(client: httpx.Client) -> list[APIOperation[Any, Any, Any, Any]]:
    found = schemathesis.openapi.from_dict(client.get("/openapi.json").json())
    found.config.update(base_url=str(client.base_url))
    results = list(found.exclude(path=ENDLESS).get_all_operations())
    return [result.ok() for result in results if isinstance(result, Ok)]


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
def test_every_answer_is_as_documented(fuzzed: tuple[httpx.Client, str, Broker], mode: GenerationMode) -> None:
    client, key, _ = fuzzed
    statuses: Counter[int] = Counter()
    for operation in operations(client):
        if (
            mode is GenerationMode.NEGATIVE
            and not operation.query.items
            and not operation.path_parameters.items
            and not operation.body
        ):
            continue  # nothing can be asked wrongly

        @given(case=operation.as_strategy(generation_mode=mode))
        @QUICKLY
        def asks(case: schemathesis.Case[Any]) -> None:
            if "id" in case.path_parameters and statuses.total() % 2:
                case.path_parameters["id"] = "entrance"  # nobody would guess it
            answer = case.call(headers={"Authorization": f"Bearer {key}"}, timeout=10)
            statuses[answer.status_code] += 1
            case.validate_response(answer, checks=CHECKS)

        asks()

    assert statuses[422 if mode is GenerationMode.NEGATIVE else 200] > 20, statuses


EXTREMES: dict[str, tuple[str | None, ...]] = {
    "step": ("10s", "500d", "999999999d"),
    "window": (None, "730d", "999999999d"),
    "from": (None, "1970-01-01T00:00:00Z"),
    "to": (None, "1970-01-02T00:00:00Z", "8999-12-31T23:59:59Z"),
    "limit": ("1", "1000", "999999999999999999999"),
    "compare": (None, "before"),
}
"""What a question can be made large with; times are cut to days where a day is asked for."""


def test_no_question_makes_redis_read_without_end(fuzzed: tuple[httpx.Client, str, Broker]) -> None:
    client, key, broker = fuzzed
    statuses: Counter[int] = Counter()
    for operation in operations(client):
        names = [parameter.name for parameter in operation.query if parameter.name in EXTREMES]
        path = operation.path.replace("{id}", "entrance")
        for values in product(*(EXTREMES[name] for name in names)) if names else ():
            asked = {name: _as_day(path, value) for name, value in zip(names, values, strict=True) if value}
            broker.client.config_resetstat()
            answer = client.get(path, params=asked, headers={"Authorization": f"Bearer {key}"})
            statuses[answer.status_code] += 1
            operation.Case(query=asked, path_parameters={"id": "entrance"}).validate_response(answer, checks=CHECKS)
            read = broker.client.info("commandstats").get("cmdstat_hgetall", {"calls": 0})["calls"]
            assert read <= MOST_READ + 10, asked

    assert min(statuses[200], statuses[422]) > 30, statuses


def _as_day(path: str, value: str) -> str:
    return value[:10] if path.endswith("/days") else value


def test_an_answer_that_is_not_documented_would_be_found(client: httpx.Client) -> None:
    raw = client.get("/openapi.json").json()
    del raw["paths"]["/v1/streams/{id}"]["get"]["responses"]["404"]
    loose = schemathesis.openapi.from_dict(raw)
    loose.config.update(base_url=str(client.base_url))
    case = loose["/v1/streams/{id}"]["GET"].Case(path_parameters={"id": "attic"})

    with pytest.raises(FailureGroup, match="Undocumented status code"):
        case.call_and_validate(checks=CHECKS)
