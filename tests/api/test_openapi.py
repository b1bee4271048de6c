"""The OpenAPI document says what is answered, with examples that are true."""

import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from pydantic import BaseModel

from api.models import EventPage, StreamModel
from api.problems import Problem
from api.summary_models import DiaryModel, SummaryModel, TimelineModel
from tests.api.stage import Scene


@pytest.fixture
def document(client: httpx.Client) -> dict[str, Any]:
    found: dict[str, Any] = client.get("/openapi.json").json()
    return found


def operations(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, methods in document["paths"].items():
        for operation in methods.values():
            yield path, operation


def test_every_endpoint_of_the_api_is_in_it(document: dict[str, Any]) -> None:
    assert set(document["paths"]) == {
        "/healthz",
        "/readyz",
        "/metrics",
        "/v1/streams",
        "/v1/streams/{id}",
        "/v1/streams/{id}/summary",
        "/v1/streams/{id}/timeline",
        "/v1/streams/{id}/days",
        "/v1/streams/{id}/preview",
        "/v1/summary",
        "/v1/timeline",
        "/v1/events",
        "/v1/events/recent",
        "/v1/events/live",
        "/v1/webcam",
        "/v1/analyses",
        "/v1/analyses/{id}",
        "/v1/analyses/{id}/results/{name}",
        "/v1/trainings",
        "/v1/trainings/{id}",
    }


def test_every_problem_is_described_with_a_sentence(document: dict[str, Any]) -> None:
    for path, operation in operations(document):
        for status, answer in operation["responses"].items():
            if status >= "400":
                example = answer["content"]["application/problem+json"]["example"]
                assert Problem.model_validate(example).status == int(status), path
                assert re.fullmatch(r"[A-Z].+\.", example["detail"])


def test_whatever_takes_a_body_says_that_it_may_be_too_large(document: dict[str, Any]) -> None:
    taking = [(path, operation) for path, operation in operations(document) if "requestBody" in operation]

    assert {path for path, _ in taking} >= {"/v1/streams", "/v1/streams/{id}", "/v1/analyses", "/v1/trainings"}
    for path, operation in taking:
        assert "413" in operation["responses"], path


def test_every_parameter_of_v1_is_explained(document: dict[str, Any]) -> None:
    for path, operation in operations(document):
        assert operation["description"], path
        for parameter in operation.get("parameters", []):
            assert parameter["description"], (path, parameter["name"])


@pytest.mark.parametrize("model", [StreamModel, SummaryModel, TimelineModel, DiaryModel, EventPage])
def test_examples_are_valid(model: type[BaseModel], document: dict[str, Any]) -> None:
    example = document["components"]["schemas"][model.__name__]["example"]

    model.model_validate(example)


def test_times_are_utc_with_milliseconds(client: httpx.Client, scene: Scene) -> None:
    scene.open("door")
    scene.see("door", "happy")

    stream = client.get("/v1/streams/door").json()
    summary = client.get("/v1/streams/door/summary").json()

    for time in (stream["last_frame_at"], stream["last_event_at"], summary["start"], summary["first_seen"]):
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", time)
