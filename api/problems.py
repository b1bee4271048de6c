"""Errors as ``application/problem+json`` (RFC 9457), each with one sentence that says what to do."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final, cast

from fastapi import FastAPI, HTTPException, Request
from fastapi.exceptions import RequestValidationError, WebSocketRequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException as StarletteHTTPException
from starlette.requests import HTTPConnection
from starlette.types import Receive, Scope, Send

from api.middleware import secure
from moodline.errors import (
    BrokerError,
    ConfigError,
    FolderFullError,
    JobsOffError,
    MoodlineError,
    NotAllowedError,
    SourceNotAllowedError,
    StreamChangedError,
    StreamConflictError,
)

PROBLEM_TYPE: Final = "application/problem+json"
RETRY_AFTER_S: Final = 2
_PLACES: Final = {"query": "Query parameter", "path": "Path parameter", "header": "Header"}


class Problem(BaseModel):
    """What every answer that is no success looks like."""

    model_config = ConfigDict(extra="forbid")

    title: str = Field(description="The name of the HTTP status.")
    status: int = Field(description="The HTTP status code.")
    detail: str = Field(description="One sentence: what was wrong, and what to do.")
    instance: str = Field(description="The path that was asked for.")


class UnknownStreamError(HTTPException):
    """No stream has this id: 404."""

    def __init__(self, stream_id: str) -> None:
        super().__init__(
            HTTPStatus.NOT_FOUND, f"There is no stream {stream_id!r}; /v1/streams lists those that are known."
        )


class WrongParameterError(HTTPException):
    """A query parameter has a value that cannot be: 422. ``sentence`` goes on after the parameter's name."""

    def __init__(self, name: str, sentence: str) -> None:
        super().__init__(HTTPStatus.UNPROCESSABLE_ENTITY, f"Query parameter '{name}' {sentence}.")


_EXAMPLES: Final = {
    HTTPStatus.UNAUTHORIZED: ("/v1/streams", "This moodline asks for a key: send one as 'Authorization: Bearer KEY'."),
    HTTPStatus.FORBIDDEN: ("/v1/streams", "This key may webcam, and this needs one that may read."),
    HTTPStatus.MISDIRECTED_REQUEST: (
        "/v1/streams",
        "This moodline does not answer to the name 'evil.test'; api.allowed_hosts says which it has.",
    ),
    HTTPStatus.TOO_MANY_REQUESTS: ("/v1/streams", "That were too many requests; ask again in 1 s."),
    HTTPStatus.NOT_FOUND: (
        "/v1/streams/attic",
        "There is no stream 'attic'; /v1/streams lists those that are known.",
    ),
    HTTPStatus.CONFLICT: (
        "/v1/streams/entrance",
        "Stream entrance stands in /etc/moodline.yaml of the ingest host ingest-0; change it there.",
    ),
    HTTPStatus.UNPROCESSABLE_ENTITY: (
        "/v1/summary",
        "Query parameter 'window' is not a duration; write it as 500ms, 2s, 15m or 1h30m.",
    ),
    HTTPStatus.REQUEST_TIMEOUT: (
        "/v1/analyses",
        "Nothing of the body has come for 30 s; send it again.",
    ),
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: (
        "/v1/analyses",
        "The body is larger than 2147483648 bytes (jobs.max_upload); send less.",
    ),
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE: (
        "/v1/analyses",
        "Send multipart/form-data with a part 'video', or application/json with a 'path'.",
    ),
    HTTPStatus.INSUFFICIENT_STORAGE: (
        "/v1/analyses",
        "The folder of the videos is full: delete analyses that are done.",
    ),
    HTTPStatus.SERVICE_UNAVAILABLE: ("/v1/streams", "Redis cannot be reached; check that the server runs."),
}


_STATUSES: Final[Mapping[type[MoodlineError], HTTPStatus]] = {
    ConfigError: HTTPStatus.UNPROCESSABLE_ENTITY,
    FolderFullError: HTTPStatus.INSUFFICIENT_STORAGE,
    JobsOffError: HTTPStatus.CONFLICT,
    NotAllowedError: HTTPStatus.UNPROCESSABLE_ENTITY,
    SourceNotAllowedError: HTTPStatus.FORBIDDEN,
    StreamChangedError: HTTPStatus.CONFLICT,
    StreamConflictError: HTTPStatus.CONFLICT,
}


def describe(*statuses: HTTPStatus) -> dict[int | str, dict[str, Any]]:
    """Return OpenAPI descriptions, with examples, of the problems that an endpoint may answer."""
    described: dict[int | str, dict[str, Any]] = {}
    for status in statuses:
        path, detail = _EXAMPLES[status]
        example = Problem(title=status.phrase, status=status, detail=detail, instance=path)
        content = {"schema": Problem.model_json_schema(), "example": example.model_dump()}
        described[int(status)] = {"description": status.phrase, "content": {PROBLEM_TYPE: content}}
    return described


ACCESS: Final = describe(
    HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, HTTPStatus.MISDIRECTED_REQUEST, HTTPStatus.TOO_MANY_REQUESTS
)
"""What everything under /v1 may answer before it is asked at all."""


async def refuse(scope: Scope, receive: Receive, send: Send, error: Exception) -> None:
    """Answer a request, or a WebSocket instead of its acceptance, before any route is asked."""
    connection = cast("Request", HTTPConnection(scope))
    answer = _moodline_error(connection, error) if isinstance(error, MoodlineError) else _http_error(connection, error)
    await answer(scope, receive, send)


async def no_such_path(scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG001 - as ASGI has it
    """Raise 404 for a WebSocket, too, which Starlette would close with 403 and no word."""
    raise HTTPException(HTTPStatus.NOT_FOUND)


def install(app: FastAPI) -> None:
    """Let every error of ``app`` leave as problem+json; that of a WebSocket instead of its acceptance."""
    app.add_exception_handler(RequestValidationError, _wrong_request)
    app.add_exception_handler(WebSocketRequestValidationError, _wrong_request)
    app.add_exception_handler(StarletteHTTPException, _http_error)
    app.add_exception_handler(MoodlineError, _moodline_error)
    app.add_exception_handler(Exception, _unexpected)


def _problem(request: Request, status: int, detail: str, headers: dict[str, str] | None = None) -> JSONResponse:
    body = Problem(title=HTTPStatus(status).phrase, status=status, detail=detail, instance=_path_of(request))
    return JSONResponse(body.model_dump(), status, headers, media_type=PROBLEM_TYPE)


def _path_of(request: Request) -> str:
    return str(request.scope["path"])  # request.url reads the header Host, which may be what is wrong


def _wrong_request(request: Request, error: Exception) -> JSONResponse:
    first = cast("RequestValidationError | WebSocketRequestValidationError", error).errors()[0]
    place, *path = first["loc"]
    names = ".".join(part for part in path if isinstance(part, str))
    where = _PLACES.get(str(place), str(place).capitalize())
    where = f"{where} '{names}'" if names else "The body"
    detail = f"{where} {_what_is_wrong(first)}."
    return _problem(request, HTTPStatus.UNPROCESSABLE_ENTITY, detail)


def _what_is_wrong(error: Mapping[str, Any]) -> str:
    """Turn pydantic's message into the end of a sentence that begins with the parameter's name."""
    if error["type"] == "string_pattern_mismatch":  # only cursors have a pattern
        return "is no cursor of an event feed; leave it out to begin with the oldest event"
    message = str(error["msg"])
    for subject in ("Value error, ", "Input ", "String "):
        if message.startswith(subject):
            return message.removeprefix(subject)
    return f"is wrong: {message[:1].lower()}{message[1:]}"


def _http_error(request: Request, error: Exception) -> JSONResponse:
    known = cast("StarletteHTTPException", error)
    detail = known.detail
    if detail == HTTPStatus.NOT_FOUND.phrase:
        detail = f"There is nothing at {_path_of(request)}; /openapi.json lists what there is."
    elif known.status_code == HTTPStatus.BAD_REQUEST:
        # FastAPI could not decode the body; every other body that is wrong is answered so.
        return _problem(request, HTTPStatus.UNPROCESSABLE_ENTITY, "The body is no JSON; send an object in UTF-8.")
    elif detail == HTTPStatus.METHOD_NOT_ALLOWED.phrase:
        detail = f"{_path_of(request)} does not answer {request.method}; /openapi.json lists what there is."
    headers = dict(known.headers) if known.headers else None
    return _problem(request, known.status_code, detail, headers)


def _moodline_error(request: Request, error: Exception) -> JSONResponse:
    if isinstance(error, BrokerError):
        headers = {"Retry-After": str(RETRY_AFTER_S)}
        return _problem(request, HTTPStatus.SERVICE_UNAVAILABLE, str(error), headers)
    known = (status for kind, status in _STATUSES.items() if isinstance(error, kind))
    status = next(known, HTTPStatus.INTERNAL_SERVER_ERROR)
    return _problem(request, status, str(error))


def _unexpected(request: Request, _error: Exception) -> JSONResponse:
    # Starlette logs the traceback after this answer; the caller gets no inside of ours.
    detail = "This is a fault of the server; its log says more."
    answer = _problem(request, HTTPStatus.INTERNAL_SERVER_ERROR, detail)
    secure(answer.headers, _path_of(request))  # Starlette gives this answer outside of AnswerMiddleware
    return answer
