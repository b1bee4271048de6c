"""Environment variables that override the configuration file."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any, Final

import yaml
from pydantic.fields import FieldInfo

from moodline.config.document import CoreLoader
from moodline.config.problems import Location, Problem
from moodline.config.schema import EnvName, Model, field_at, is_collection, nested_model
from moodline.config.variables import expand

PREFIX: Final = "MOODLINE_"
_SEPARATOR: Final = "__"


@dataclass
class Environment:
    """The settings found in the environment, and which variable each came from."""

    values: dict[str, Any] = field(default_factory=dict)
    variables: dict[Location, str] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def variable(self, location: Location) -> str | None:
        """Return the variable that set ``location`` or what holds it, or None."""
        for length in range(len(location), 0, -1):
            if name := self.variables.get(location[:length]):
                return name
        return None


def variable_names(model: Model) -> dict[str, Location]:
    """Return all variables that ``model`` knows with the place each one sets.

    A field's well-known name (``REDIS_URL``) comes before its regular one, which so has the last word.
    """
    names: dict[str, Location] = {}
    for section, info in model.model_fields.items():
        nested = nested_model(info.annotation)
        if nested is None or is_collection(info.annotation):
            names[f"{PREFIX}{section}".upper()] = (section,)
            continue
        for name, inner in nested.model_fields.items():
            for known in (item.name for item in inner.metadata if isinstance(item, EnvName)):
                names[known] = (section, name)
            names[f"{PREFIX}{section}{_SEPARATOR}{name}".upper()] = (section, name)
    return names


def read_environment(environ: Mapping[str, str], model: Model) -> Environment:
    """Collect the settings in ``environ``. An empty variable counts as not set; never raises."""
    found = Environment()
    known = variable_names(model)
    for name, location in known.items():
        if raw := environ.get(name):
            value = _decode(found, name, raw, field_at(model, location))
            _set(found, name, location, _expanded(found, name, value, environ))
    for name in environ:
        if name.startswith(PREFIX) and _SEPARATOR in name and name not in known:
            found.problems.append(Problem((), _unknown(name, known), name))
    return found


def _unknown(name: str, known: Mapping[str, Location]) -> str:
    nearest = get_close_matches(name, known, n=1)
    advice = f"did you mean {nearest[0]}?" if nearest else "see docs/configuration.md, or unset it"
    return f"is not the name of a setting; {advice}"


def _decode(found: Environment, name: str, raw: str, info: FieldInfo | None) -> object:
    """Lists and mappings are YAML (so JSON too), lists of words also ``angry,happy``; all else is text."""
    if info is None or not is_collection(info.annotation):
        return raw
    try:
        value: object = CoreLoader(raw).get_single_data()
    except yaml.YAMLError:
        found.problems.append(Problem((), "is neither valid YAML nor JSON; write it as [a, b] or {a: b}", name))
        return None
    if isinstance(value, str) and not nested_model(info.annotation):
        return [word.strip() for word in value.split(",")]
    return value


def _expanded(found: Environment, name: str, value: object, environ: Mapping[str, str]) -> object:
    """Replace ``${NAME}`` in mappings, which are written as in the file."""
    if isinstance(value, list):
        return [_expanded(found, name, item, environ) if isinstance(item, dict) else item for item in value]
    if not isinstance(value, dict):
        return value
    expanded = {}
    for key, inner in value.items():
        expanded[key] = _expanded(found, name, inner, environ)
        if isinstance(inner, str):
            replaced = expand(inner, environ)
            found.problems += [Problem((), f"{key}: {sentence}", name) for sentence in replaced.problems]
            expanded[key] = replaced.text
    return expanded


def _set(found: Environment, name: str, location: Location, value: object) -> None:
    if value is None:
        return
    place = found.values
    *parents, last = map(str, location)
    for part in parents:
        place = place.setdefault(part, {})
    place[last] = value
    found.variables[location] = name
