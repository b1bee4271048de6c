"""Looks into settings classes: which fields a place has, and of what type a field is."""

import types
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from moodline.config.problems import Location

Model = type[BaseModel]


@dataclass(frozen=True, slots=True)
class Unit:
    """Marks what a field's number counts, for the generated documentation."""

    name: str


@dataclass(frozen=True, slots=True)
class EnvName:
    """Gives a field a well-known environment variable besides ``MOODLINE_<SECTION>__<FIELD>``."""

    name: str


def parts(annotation: object) -> Iterator[object]:
    """Yield the types that ``annotation`` may be, without Annotated and without None."""
    origin = get_origin(annotation)
    if origin is Annotated:
        yield from parts(get_args(annotation)[0])
    elif origin in {Union, types.UnionType}:
        for choice in get_args(annotation):
            if choice is not type(None):
                yield from parts(choice)
    else:
        yield annotation


def nested_model(annotation: object) -> Model | None:
    """Return the settings class that a field holds, directly or as the items of a list, else None."""
    for part in parts(annotation):
        if isinstance(part, type) and issubclass(part, BaseModel):
            return part
        if get_origin(part) in {tuple, list}:
            return nested_model(get_args(part)[0])
    return None


def is_collection(annotation: object) -> bool:
    """Return whether a field holds a list or a mapping."""
    return any(get_origin(part) in {tuple, list, dict} for part in parts(annotation))


def field_at(model: Model, location: Location) -> FieldInfo | None:
    """Return the declaration of the setting at ``location``, None where there is none."""
    current: Model | None = model
    found: FieldInfo | None = None
    for part in location:
        if isinstance(part, int):
            continue
        found = current.model_fields.get(part) if current else None
        current = nested_model(found.annotation) if found else None
    return found


def names_at(model: Model, location: Location) -> list[str]:
    """Return the names of the settings at ``location``, none where it is no group of settings."""
    if not location:
        return list(model.model_fields)
    found = field_at(model, location)
    nested = nested_model(found.annotation) if found else None
    return list(nested.model_fields) if nested else []
