"""The settings of traces."""

from typing import Annotated

from pydantic import AfterValidator, Field

from moodline.config.schema import Unit
from moodline.settings.section import Section


def _http_url(url: str) -> str:
    if not url.startswith(("http://", "https://")):
        raise ValueError("must begin with http:// or https://, such as http://collector:4318")
    return url.rstrip("/")


class TracingSettings(Section):
    """OpenTelemetry traces of single frames, from the camera through the queue to the event. Off by default."""

    endpoint: Annotated[str, AfterValidator(_http_url)] | None = Field(
        default=None,
        description=(
            "Address of an OTLP collector that speaks HTTP, such as http://collector:4318; needs the extra `tracing`. "
            "Unset, nothing is traced. Headers for it stand in OTEL_EXPORTER_OTLP_HEADERS."
        ),
    )
    sample: Annotated[float, Unit("share of frames with faces")] = Field(
        default=0.01,
        gt=0,
        le=1,
        description="How many frames are traced. A trace tells how one face fared; the metrics tell it of all.",
    )
