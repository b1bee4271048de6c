"""The settings of api, which answers over HTTP."""

import ipaddress
from datetime import timedelta
from typing import Annotated

from pydantic import ByteSize, Field, StringConstraints

from moodline.config.schema import Unit
from moodline.settings.allowed import SourceRule
from moodline.settings.section import Section
from moodline.settings.units import KIB, MIB, Duration, Port, Size

KeyLine = Annotated[str, StringConstraints(pattern=r"^(read|write|webcam):[0-9a-f]{8}:[0-9a-f]{64}$")]
HostName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9.:-]+$")]


class ApiSettings(Section):
    """The HTTP API."""

    host: str = Field(
        default="127.0.0.1",
        min_length=1,
        description=(
            "Address to listen on. Only this machine by default; 0.0.0.0 in a container. As soon as others reach it, "
            "requests need a key (`moodline keys create --scope read`)."
        ),
    )
    port: Port = Field(default=8080, description="Port of the API, its documentation and its Prometheus metrics.")
    require_key: bool = Field(
        default=False,
        description=(
            "Ask for a key on this machine, too, as where a proxy passes others on. Where `host` is no loopback "
            "address, a key is needed whatever stands here."
        ),
    )
    keys: tuple[KeyLine, ...] = Field(
        default=(),
        description=(
            "Hashes of keys that are valid beside those in Redis, as `moodline keys create --for-config` prints them: "
            "for a server that forgets, such as that of `moodline up`, or keys deployed with the configuration."
        ),
    )
    health_needs_key: bool = Field(
        default=False, description="Whether /healthz and /readyz need a key; they tell nothing but that moodline lives."
    )
    metrics_needs_key: bool | None = Field(
        default=None,
        description=(
            "Whether /metrics needs a key; it names the streams and counts their faces. If left out, as the data does. "
            "Compose and Kubernetes say false: there Prometheus asks without one."
        ),
    )
    allowed_hosts: tuple[HostName, ...] = Field(
        default=(),
        description=(
            "Names by which moodline may be asked, such as that of a proxy. If empty: on a loopback address its own "
            "names only, so that no web page can reach it under a name of its making; else any."
        ),
    )
    rate_limit: Annotated[float, Unit("requests/s")] = Field(
        default=300,
        ge=0,
        description=(
            "Requests a second of one key, or of one address (of IPv6 one /64) without keys; bursts are twice that. "
            "0: no limit."
        ),
    )
    max_body: Size = Field(
        default=ByteSize(MIB), description="The largest body of a request that is read; asking needs none."
    )
    max_subscribers: Annotated[int, Unit("subscribers")] = Field(
        default=200,
        ge=1,
        description="Subscribers that may follow live events at once; each can make up to 1,000 events wait.",
    )
    max_subscribers_per_client: Annotated[int, Unit("subscribers")] = Field(
        default=50,
        ge=1,
        description="As many of them may have one key, or one address without keys: nobody takes the places of all.",
    )
    answer_age: Duration = Field(
        default=timedelta(milliseconds=500),
        le=timedelta(minutes=1),
        description=(
            "How old the answer for a summary or timeline may be: who asks the same within this time gets the same "
            "answer, so that many dashboards cost as much as one. 0s: every question is asked anew."
        ),
    )
    max_webcams: Annotated[int, Unit("webcams")] = Field(
        default=4,
        ge=0,
        le=100,
        description="Webcams of browsers (the page /webcam) that may send pictures at once. 0: none may.",
    )
    webcam_fps: Annotated[float, Unit("pictures per second")] = Field(
        default=8,
        gt=0,
        le=30,
        description="Pictures a second that one browser's webcam may send; what comes faster is left out.",
    )
    webcam_max_picture: Size = Field(
        default=ByteSize(256 * KIB),
        ge=KIB,
        le=MIB,
        description="The largest JPEG of a browser's webcam. The page sends about 40 KiB, 640 pixels wide.",
    )
    stream_sources: tuple[SourceRule, ...] = Field(
        default=("demo",),
        description=(
            "What may be added at run time (`POST /v1/streams`, `moodline streams add`): demo, webcam, "
            "absolute folders, and networks or hosts as in rtsp://10.0.5.0/24 or https://*.example.org. Who adds "
            "streams can make ingest read no more than this."
        ),
    )
    max_streams: Annotated[int, Unit("streams")] = Field(
        default=64, ge=0, le=10_000, description="Streams that may be added at run time, beside those of the file."
    )

    @property
    def loopback(self) -> bool:
        """Whether only this machine reaches the API."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False

    @property
    def needs_key(self) -> bool:
        """Whether requests need a key."""
        return self.require_key or not self.loopback

    @property
    def closes_metrics(self) -> bool:
        """Whether /metrics needs a key."""
        return self.needs_key if self.metrics_needs_key is None else self.metrics_needs_key
