"""Bodies and answers of requests that add, change and remove streams."""

from collections.abc import Mapping
from typing import Any, Final

from pydantic import GetJsonSchemaHandler, JsonValue, RootModel
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from moodline.settings import StreamSettings

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
