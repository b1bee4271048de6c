"""The settings of api, which answers over HTTP."""

from typing import Annotated

from pydantic import Field

from moodline.config.schema import Unit
from moodline.settings.section import Section
from moodline.settings.units import Port


class ApiSettings(Section):
    """The HTTP API."""

    host: str = Field(
        default="127.0.0.1",
        min_length=1,
        description=(
            "Address to listen on. Only this machine by default, since there is no login; 0.0.0.0 in a "
            "container."
        ),
    )
    port: Port = Field(
        default=8080, description="Port of the API, its documentation and its Prometheus metrics."
    )
    workers: Annotated[int, Unit("processes")] = Field(
        default=1,
        ge=1,
        le=64,
        description="Server processes; one is enough for some dashboards, more use more CPUs.",
    )
