"""Says in words what pydantic found wrong, without ever repeating a value: it may be a password."""

from collections.abc import Callable, Mapping
from difflib import get_close_matches
from typing import Final

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from moodline.config.problems import Problem
from moodline.config.schema import Model, field_at, names_at
from moodline.config.words import bound_words

_NUMBER: Final = "must be a number"
_INTEGER: Final = "must be a whole number"
_DURATION: Final = "must be a duration, such as 500ms, 2s, 15m, 1h or PT2S"
_SIZE: Final = "must be a size in bytes, such as 512KiB, 8MiB or 1GiB"
_TIME: Final = "must be a time with its zone, such as 2024-05-01T08:00:00Z"
_MAPPING: Final = "must be settings as name: value"
_LIST: Final = "must be a list, such as [a, b]"

_SENTENCES: Final[Mapping[str, str]] = {
    "missing": "is missing; add it",
    "string_type": "must be text; put it in quotes",
    "string_too_short": "is empty; fill it in or remove it",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "int_type": _INTEGER,
    "int_parsing": _INTEGER,
    "int_from_float": _INTEGER,
    "int_parsing_size": _INTEGER,
    "float_type": _NUMBER,
    "float_parsing": _NUMBER,
    "finite_number": "must be a finite number",
    "time_delta_type": _DURATION,
    "time_delta_parsing": _DURATION,
    "byte_size": _SIZE,
    "byte_size_unit": _SIZE,
    "datetime_type": _TIME,
    "datetime_parsing": _TIME,
    "datetime_from_date_parsing": _TIME,
    "datetime_object_invalid": _TIME,
    "timezone_aware": _TIME,
    "path_type": "must be a path",
    "list_type": _LIST,
    "tuple_type": _LIST,
    "dict_type": _MAPPING,
    "model_type": _MAPPING,
    "model_attributes_type": _MAPPING,
}

_LENGTHS: Final[Mapping[str, tuple[str, str]]] = {
    "string_too_long": ("must be no longer than", "max_length"),
    "too_long": ("must have no more items than", "max_length"),
    "too_short": ("must have at least this many items:", "min_length"),
}


def explain(error: ValidationError, model: Model) -> list[Problem]:
    """Return a problem without a source for each error that a user can act on."""
    # A default that depends on a wrong value is not made; the wrong value is named already.
    errors = [item for item in error.errors(include_url=False) if item["type"] != "default_factory_not_called"]
    return [Problem(item["loc"], _sentence(item, model)) for item in errors]


def _sentence(error: ErrorDetails, model: Model) -> str:
    kind, context = error["type"], error.get("ctx", {})
    if special := _SPECIAL.get(kind):
        return special(error, model)
    if length := _LENGTHS.get(kind):
        return f"{length[0]} {context[length[1]]}"
    return _SENTENCES.get(kind, "is not valid; see docs/configuration.md")


def _unknown(error: ErrorDetails, model: Model) -> str:
    *parent, name = error["loc"]
    known = names_at(model, tuple(parent))
    nearest = get_close_matches(str(name), known, n=1)
    advice = f"did you mean {nearest[0]}?" if nearest else f"known here: {', '.join(known)}"
    return f"is not a known setting; {advice}"


def _choice(error: ErrorDetails, _model: Model) -> str:
    expected = error.get("ctx", {})["expected"].replace("'", "")
    words = expected.replace(" or ", ", ").split(", ")
    nearest = get_close_matches(str(error["input"]), words, n=1)
    return f"must be {expected}" + (f"; did you mean {nearest[0]}?" if nearest else "")


def _bounded(error: ErrorDetails, model: Model) -> str:
    info = field_at(model, error["loc"])
    return f"must be {' and '.join(bound_words(info))}" if info else "is out of bounds"


def _own(error: ErrorDetails, _model: Model) -> str:
    return str(error.get("ctx", {})["error"])


def _crossing(error: ErrorDetails, _model: Model) -> str:
    return str(error.get("ctx", {})["sentence"])


_SPECIAL: Final[Mapping[str, Callable[[ErrorDetails, Model], str]]] = {
    "extra_forbidden": _unknown,
    "literal_error": _choice,
    "greater_than": _bounded,
    "greater_than_equal": _bounded,
    "less_than": _bounded,
    "less_than_equal": _bounded,
    "value_error": _own,
    "cross_field": _crossing,
}
