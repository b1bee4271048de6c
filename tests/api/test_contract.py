"""Whatever is asked, the API answers as its OpenAPI document says: no fault of the server, no undocumented answer."""

from collections import Counter
from collections.abc import Iterator
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
from moodline.embedded import EmbeddedServer
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
) -> Iterator[tuple[httpx.Client, str]]:
    """An API with streams in it that asks for a key, and that key."""
    broker = broker_on(embedded_server)
    broker.client.flushall()
    scene = Scene(broker)
    scene.open("entrance")
    scene.see("entrance", "happy", "sad")
    text, key = new_key("write")
    jobs = JobSettings(folder=tmp_path_factory.mktemp("jobs"))
    with serving(broker, ApiSettings(require_key=True, keys=(key.line,), rate_limit=0), jobs=jobs) as client:
        yield client, text
    broker.close()


def operations(client: httpx.Client) -> list[APIOperation[Any, Any, Any, Any]]:
    found = schemathesis.openapi.from_dict(client.get("/openapi.json").json())
    found.config.update(base_url=str(client.base_url))
    results = list(found.exclude(path=ENDLESS).get_all_operations())
    return [result.ok() for result in results if isinstance(result, Ok)]


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
def test_every_answer_is_as_documented(fuzzed: tuple[httpx.Client, str], mode: GenerationMode) -> None:
    client, key = fuzzed
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


def test_an_answer_that_is_not_documented_would_be_found(client: httpx.Client) -> None:
    raw = client.get("/openapi.json").json()
    del raw["paths"]["/v1/streams/{id}"]["get"]["responses"]["404"]
    loose = schemathesis.openapi.from_dict(raw)
    loose.config.update(base_url=str(client.base_url))
    case = loose["/v1/streams/{id}"]["GET"].Case(path_parameters={"id": "attic"})

    with pytest.raises(FailureGroup, match="Undocumented status code"):
        case.call_and_validate(checks=CHECKS)
