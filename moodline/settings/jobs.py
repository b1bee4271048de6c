"""The settings of jobs: analysing recorded videos, and training."""

from datetime import timedelta
from pathlib import Path
from typing import Annotated, Literal

from pydantic import ByteSize, Field

from moodline.config.schema import EnvName, Unit
from moodline.settings.redis import RedisUrl
from moodline.settings.section import Section
from moodline.settings.units import MIB, Port, PositiveDuration, Size

GIB = 1024 * MIB


class JobSettings(Section):
    """What is long, few and retried: handed in over the API, done by `moodline jobs`."""

    redis_url: Annotated[RedisUrl | None, EnvName("JOBS_REDIS_URL")] = Field(
        default=None,
        description=(
            "The server of the job queues, which must be a single one and no Redis Cluster. Unset, that of redis.url. "
            "Its password stands in it, or there is none: that of redis.password is not sent there."
        ),
    )
    folder: Path | None = Field(
        default=None,
        description=(
            "Where handed-in videos and results lie; api and jobs must both reach it under this path. Unset, the API "
            "takes no videos; `moodline up` then makes a folder that ends with it."
        ),
    )
    recordings: Path | None = Field(
        default=None,
        description="Folder of videos that may be analysed by their path below it. Unset, videos have to be handed in.",
    )
    training_data: Path | None = Field(
        default=None,
        description="Folder of data sets that may be trained on, by their path below it. Unset, nobody can train.",
    )
    kind: Literal["analysis", "training"] = Field(
        default="analysis",
        description="Which jobs a `moodline jobs` does: hours of training must not hold up videos.",
    )
    detect_fps: Annotated[float, Unit("detections per second")] = Field(
        default=5.0,
        gt=0,
        le=240,
        description=(
            "How often the detector looks at a video; on the frames between, faces are followed, so every frame has "
            "its boxes. At the video's own rate it looks at every frame, which takes three times as long."
        ),
    )
    max_upload: Size = Field(
        default=ByteSize(2 * GIB),
        description="The largest video that is taken; this request alone is not bound by api.max_body.",
    )
    max_folder: Size = Field(
        default=ByteSize(20 * GIB),
        description="When the videos and results in the folder take this much, no more videos are taken.",
    )
    max_waiting: Annotated[int, Unit("jobs")] = Field(
        default=32, ge=1, le=10_000, description="So many jobs of a kind may wait; beyond that none is taken."
    )
    keep: PositiveDuration = Field(
        default=timedelta(days=7),
        description="How long results are kept. A video that was handed in is deleted as soon as it is analysed.",
    )
    metrics_host: str = Field(
        default="127.0.0.1",
        min_length=1,
        description="Address on which Prometheus metrics are served; 0.0.0.0 in a container.",
    )
    metrics_port: Port = Field(default=9103, description="Port of the Prometheus metrics of jobs.")
