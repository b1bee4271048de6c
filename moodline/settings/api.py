"""The settings of api, which answers over HTTP."""

from pydantic import Field

from moodline.settings.section import Section
from moodline.settings.units import Port


class ApiSettings(Section):
    """The HTTP API."""

    host: str = Field(
        default="127.0.0.1",
        min_length=1,
        description=(
            "Address to listen on. Only this machine by default, since there is no login; 0.0.0.0 in a container."
        ),
    )
    port: Port = Field(default=8080, description="Port of the API, its documentation and its Prometheus metrics.")
