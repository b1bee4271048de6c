"""Types, bounds and defaults of settings in the words of the documentation."""

from collections.abc import Mapping
from datetime import timedelta
from operator import itemgetter
from pathlib import Path
from typing import Final, Literal, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt
from pydantic import AwareDatetime, BaseModel, ByteSize, SecretStr
from pydantic.fields import FieldInfo

from moodline.config.quantities import format_duration, format_size
from moodline.config.schema import Unit, nested_model, parts

_TYPES: Final[Mapping[object, str]] = {
    bool: "true or false",
    int: "whole number",
    float: "number",
    str: "text",
    SecretStr: "text, secret",
    timedelta: "duration",
    ByteSize: "size",
    AwareDatetime: "time with zone",
    Path: "path",
}

_LOWER: Final[Mapping[type, tuple[str, str]]] = {Ge: ("ge", "at least"), Gt: ("gt", "more than")}
_UPPER: Final[Mapping[type, tuple[str, str]]] = {Le: ("le", "at most"), Lt: ("lt", "less than")}


def type_words(info: FieldInfo) -> str:
    """Return the type of a field with its bounds: ``whole number, at least 64, at most 4096``."""
    return ", ".join([_annotation_words(info.annotation), *bound_words(info)])


def unit_words(info: FieldInfo) -> str:
    """Return what the number of a field counts, or nothing."""
    units = [item.name for item in _marks(info) if isinstance(item, Unit)]
    return units[0] if units else ""


def default_words(info: FieldInfo) -> str:
    """Return the default of a field as one would write it in the file."""
    if info.is_required():
        return "required"
    if info.default_factory_takes_validated_data:
        return "by kind of source"
    return value_words(info.get_default(call_default_factory=True))


def value_words(value: object) -> str:
    """Return a value as YAML in one line; ``unset`` for None."""
    if value is None:
        return "unset"
    if isinstance(value, BaseModel):
        return "{" + ", ".join(f"{name}: {value_words(item)}" for name, item in value) + "}"
    if isinstance(value, tuple | list):
        return "[" + ", ".join(value_words(item) for item in value) + "]"
    return _scalar_words(value)


def _scalar_words(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, timedelta):
        return format_duration(value)
    return format_size(value) if isinstance(value, ByteSize) else str(value)


def _annotation_words(annotation: object) -> str:
    (part, *_) = parts(annotation)
    if get_origin(part) is Literal:
        *others, last = (f"`{choice}`" for choice in get_args(part))
        return f"{', '.join(others)} or {last}"
    if get_origin(part) is tuple:
        item = get_args(part)[0]
        return "list of groups" if nested_model(item) else f"list of {_annotation_words(item)}"
    if get_origin(part) is dict:
        return "names with text"
    return _TYPES[part]


def bound_words(info: FieldInfo) -> list[str]:
    """Return the bounds of a field, ``at least 64``; where its type has one too, only the narrower one."""
    as_size = ByteSize in parts(info.annotation)
    words = []
    for kinds, narrower in ((_LOWER, max), (_UPPER, min)):
        limits = [(getattr(mark, kinds[type(mark)][0]), type(mark)) for mark in info.metadata if type(mark) in kinds]
        if limits:
            limit, kind = narrower(limits, key=itemgetter(0))
            words.append(f"{kinds[kind][1]} {value_words(ByteSize(limit) if as_size else limit)}")
    return words


def _marks(info: FieldInfo) -> list[object]:
    """Return a field's marks, also those inside ``Annotated[...] | None``."""
    inside = [mark for choice in get_args(info.annotation) for mark in getattr(choice, "__metadata__", ())]
    return [*info.metadata, *inside]
