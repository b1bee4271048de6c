"""The small types that a stream's settings are made of."""

import re
from typing import Annotated, Final

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr

from moodline.config.variables import TakenText
from moodline.redact import hide
from moodline.settings.source import source_kind

_ID: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}", re.ASCII)
_LABEL_LENGTH: Final = 128
_LABEL: Final = re.compile(r"[a-z][a-z0-9_]{0,31}", re.ASCII)
_SIZE: Final = re.compile(r"(\d{2,5})x(\d{2,5})", re.ASCII)
_FORMAT: Final = re.compile(r"[A-Z0-9]{4}", re.ASCII)


def _number_as_text(value: object) -> object:
    """YAML reads ``url: 0`` and ``id: 7`` as numbers."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _slug(value: str) -> str:
    if not _ID.fullmatch(value):
        raise ValueError(
            "must be 1 to 64 small letters, digits, - or _ and begin with a letter or digit, as in front-door"
        )
    return value


def _hide_what_was_taken(value: object) -> object:
    if isinstance(value, TakenText):
        hide(value, value.taken)
    return value


def _known_source(url: SecretStr) -> SecretStr:
    source_kind(url.get_secret_value())
    return url


def _few_short_labels(labels: dict[str, str]) -> dict[str, str]:
    if any(not _LABEL.fullmatch(name) or len(text) > _LABEL_LENGTH for name, text in labels.items()):
        raise ValueError(
            "must be names of small letters, digits and _ (at most 32), each with at most "
            f"{_LABEL_LENGTH} characters of text"
        )
    return labels


def _size(value: str) -> str:
    if not _SIZE.fullmatch(value):
        raise ValueError("must be width x height in pixels, as in 1280x720")
    return value


def _format(value: str) -> str:
    if not _FORMAT.fullmatch(value):
        raise ValueError(
            "must be the four letters of a pixel format, as in MJPG or YUYV; v4l2-ctl --list-formats lists them"
        )
    return value


StreamId = Annotated[str, BeforeValidator(_number_as_text), AfterValidator(_slug)]
SourceUrl = Annotated[
    SecretStr, BeforeValidator(_number_as_text), BeforeValidator(_hide_what_was_taken), AfterValidator(_known_source)
]
LabelText = Annotated[str, BeforeValidator(_number_as_text)]
Labels = Annotated[dict[str, LabelText], Field(max_length=16), AfterValidator(_few_short_labels)]
CameraSize = Annotated[str, AfterValidator(_size)]
CameraFormat = Annotated[str, AfterValidator(_format)]


def size_of(text: str) -> tuple[int, int]:
    """Return width and height that a CameraSize names."""
    width, _, height = text.partition("x")
    return int(width), int(height)
