"""Bodies and answers of requests that add, change and remove streams."""

from collections.abc import Mapping
from typing import Any, Final

from pydantic import GetJsonSchemaHandler, JsonValue, RootModel
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from moodline.broker import Broker
from moodline.errors import StreamConflictError
from moodline.hosts import ingest_hosts
from moodline.known import file_of, known_stream
from moodline.settings import Settings, StreamSettings

NEW_STREAM: Final[dict[str, Any]] = {
    "id": "entrance",
    "url": "rtsp://viewer:${CAMERA_ENTRANCE}@camera.local/stream1",
    "fps": 5,
    "labels": {"floor": "0"},
}
_NULL: Final = {"type": "null"}
CHANGE: Final[dict[str, Any]] = {"enabled": False}


class NewStream(RootModel[dict[str, JsonValue]]):
    """The settings of a stream, as they stand under ``streams`` in the configuration file."""

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """Describe the settings; they are checked where the file's are checked, with the same sentences."""
        del schema, handler
        return {**_settings_schema(), "required": ["id", "url"], "example": NEW_STREAM, "description": cls.__doc__}


class StreamChange(RootModel[dict[str, JsonValue]]):
    """The settings to change; null takes one back to its default. ``enabled`` false pauses the stream."""

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """Describe the settings that may change."""
        del schema, handler
        described = _settings_schema()
        changeable = {name: kind for name, kind in described["properties"].items() if name != "id"}
        properties = {name: _or_null(kind) for name, kind in changeable.items()}
        return {**described, "properties": properties, "example": CHANGE, "description": cls.__doc__}


def _settings_schema() -> dict[str, Any]:
    described = StreamSettings.model_json_schema()
    return {name: described[name] for name in ("type", "properties", "additionalProperties")}


def _or_null(kind: Mapping[str, Any]) -> dict[str, Any]:
    shown = {"description": kind["description"]}
    choices = kind.get("anyOf") or [
        {name: value for name, value in kind.items() if name not in ("description", "default")}
    ]
    return {**shown, "anyOf": [choice for choice in choices if choice != _NULL] + [_NULL]}


def check_not_in_file(broker: Broker, settings: Settings, stream: str) -> None:
    """Raise StreamConflictError for a stream of a configuration file, of an ingest host or of this API."""
    file = file_of(ingest_hosts(broker), stream)
    if file is None and any(own.id == stream for own in settings.streams):
        file = "the configuration of this API"  # and so of an ingest host that is not there now
    if file is not None:
        raise StreamConflictError(f"Stream {stream} stands in {file}; change it there.")


def explain_unknown(broker: Broker, stream: str) -> StreamConflictError | None:
    """Return why a stream that was not added at run time cannot be changed; None where there is no such stream."""
    if known_stream(broker, stream) is None:
        return None
    return StreamConflictError(
        f"Stream {stream} was not added at run time; `moodline purge --stream {stream}` deletes what is kept of it."
    )
