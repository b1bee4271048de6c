"""The settings of ingest, which reads the sources and finds the faces."""

from datetime import timedelta
from pathlib import Path

from pydantic import Field

from moodline.settings.section import Section
from moodline.settings.units import Port, PositiveDuration


class IngestSettings(Section):
    """Reading sources, detecting and tracking faces."""

    host: str | None = Field(
        default=None,
        min_length=1,
        max_length=64,
        description=(
            "Name of this ingest in leases and logs. Unset, the machine's own name; set it where two share one."
        ),
    )
    reader_lease: PositiveDuration = Field(
        default=timedelta(seconds=6),
        ge=timedelta(milliseconds=100),
        description=("How long a stream stays with an ingest that has gone silent before another takes it over."),
    )
    metrics_host: str = Field(
        default="127.0.0.1",
        min_length=1,
        description="Address on which Prometheus metrics are served; 0.0.0.0 in a container.",
    )
    metrics_port: Port = Field(default=9101, description="Port of the Prometheus metrics of ingest.")
    detector_model: Path | None = Field(
        default=None,
        description=(
            "YuNet's model file (face_detection_yunet_2023mar.onnx). Unset, it is looked for in the user's "
            "cache and then downloaded."
        ),
    )
    detector_download: bool = Field(
        default=True,
        description=(
            "Whether YuNet's model (233 kB, checked against its SHA-256) may be downloaded once where it is "
            "missing; false keeps ingest off the network."
        ),
    )
    open_timeout: PositiveDuration = Field(
        default=timedelta(seconds=5),
        description=(
            "A source that has not opened after this long is tried again later. Its server has as long to answer at "
            "all, and is asked for that twice a second."
        ),
    )
    read_timeout: PositiveDuration = Field(
        default=timedelta(seconds=3),
        description=(
            "A source that has given no frame for this long counts as stalled and is opened anew. Like backoff_max it "
            "is short enough for frames to come within 5 s after a server is back."
        ),
    )
    backoff_max: PositiveDuration = Field(
        default=timedelta(seconds=3),
        description=("Longest pause between two tries of a source that is away, so that a camera is soon back."),
    )
    backoff_auth: PositiveDuration = Field(
        default=timedelta(minutes=1),
        description="Pause after a refused password: cameras lock accounts that knock too often.",
    )
