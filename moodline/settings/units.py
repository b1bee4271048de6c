"""The types of settings that are counted in something."""

from datetime import timedelta
from typing import Annotated, Final

from pydantic import BeforeValidator, ByteSize, Field

from moodline.config.quantities import format_duration, parse_duration
from moodline.config.schema import Unit

__all__ = ["KIB", "MIB", "Duration", "Port", "PositiveDuration", "Size", "format_duration", "parse_duration"]

Duration = Annotated[timedelta, BeforeValidator(parse_duration), Field(ge=timedelta(0)), Unit("s")]
PositiveDuration = Annotated[timedelta, BeforeValidator(parse_duration), Field(gt=timedelta(0)), Unit("s")]
Size = Annotated[ByteSize, Field(gt=0), Unit("bytes")]
Port = Annotated[int, Field(ge=0, le=65535), Unit("TCP port; 0 takes any free one")]

KIB: Final = 1024
MIB: Final = 1024 * KIB
