"""What all sections of the settings have in common."""

from collections.abc import Sequence
from typing import Final, NoReturn, get_args

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import ErrorDetails, InitErrorDetails, PydanticCustomError
from pydantic_core.core_schema import ErrorType

from moodline.config.problems import Location

_BUILT_IN: Final = frozenset(get_args(ErrorType))

CROSS_FIELD: Final = "cross_field"
"""Error type of what is wrong only together with another setting."""


Rejection = tuple[Location, str]
"""A place below the validated field, and a sentence: what is wrong; what to do."""


class Section(BaseModel):
    """A frozen group of settings: unknown names are errors, defaults are validated like given values."""

    # hide_input_in_errors: a rejected value may be a password, and pydantic's own text would repeat it.
    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        validate_default=True,
        allow_inf_nan=False,
        hide_input_in_errors=True,
    )


def reject(problems: Sequence[Rejection], *, also: ValidationError | None = None) -> NoReturn:
    """Raise one ValidationError with all ``problems``.

    ``also`` holds errors found at the same place that must not get lost.
    """
    details = [_detail(error) for error in also.errors()] if also else []
    for location, sentence in problems:
        error = PydanticCustomError(CROSS_FIELD, "{sentence}", {"sentence": sentence})
        details.append(InitErrorDetails(type=error, loc=location, input=None))
    raise ValidationError.from_exception_data("settings", details, hide_input=True)


def _detail(error: ErrorDetails) -> InitErrorDetails:
    kind, context = error["type"], error.get("ctx", {})
    if kind in _BUILT_IN:
        return InitErrorDetails(type=kind, loc=error["loc"], input=error["input"], ctx=context)
    # Ours, or one of pydantic's types outside its core (ByteSize): only these may be made with a text.
    custom = PydanticCustomError(kind, "{sentence}", {"sentence": error["msg"]})
    return InitErrorDetails(type=custom, loc=error["loc"], input=None)
