"""All settings of moodline, and what must hold between their sections."""

from collections.abc import Mapping, Sequence
from typing import Any, Self

from pydantic import Field, ValidationError, ValidationInfo, ValidatorFunctionWrapHandler, field_validator
from pydantic_settings import BaseSettings, InitSettingsSource, PydanticBaseSettingsSource, SettingsConfigDict

from moodline.settings.api import ApiSettings
from moodline.settings.ingest import IngestSettings
from moodline.settings.jobs import JobSettings
from moodline.settings.log import LogSettings
from moodline.settings.redis import RedisSettings
from moodline.settings.section import Rejection, reject
from moodline.settings.stream import StreamSettings
from moodline.settings.summaries import SummarySettings
from moodline.settings.tracing import TracingSettings
from moodline.settings.worker import WorkerSettings

Values = Mapping[str, Any]


class Settings(BaseSettings):
    """Everything that can be configured. Made by ``load_settings``; ``Settings()`` alone is the defaults."""

    model_config = SettingsConfigDict(frozen=True, extra="forbid", validate_default=True, hide_input_in_errors=True)

    redis: RedisSettings = Field(default_factory=RedisSettings, description="The server and the bounds of its keys.")
    ingest: IngestSettings = Field(default_factory=IngestSettings, description="Reading sources, finding faces.")
    worker: WorkerSettings = Field(default_factory=WorkerSettings, description="Classifying faces.")
    api: ApiSettings = Field(default_factory=ApiSettings, description="The HTTP API.")
    jobs: JobSettings = Field(default_factory=JobSettings, description="Recorded videos and trainings.")
    log: LogSettings = Field(default_factory=LogSettings, description="Log lines.")
    summaries: SummarySettings = Field(default_factory=SummarySettings, description="Emotions over time.")
    tracing: TracingSettings = Field(default_factory=TracingSettings, description="OpenTelemetry traces.")
    # Last, since its checks look at the sections before it.
    streams: tuple[StreamSettings, ...] = Field(default=(), description="The video streams.")

    @classmethod
    def from_sources(cls, *sources: Values) -> Self:
        """Merge ``sources``, the first having priority, over the defaults. Raises ValidationError."""
        prepared = tuple(InitSettingsSource(cls, init_kwargs=dict(values)) for values in sources)
        return cls(_build_sources=(prepared, {}))

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Leave the process's environment out: ``load_settings`` is given one, as tests give theirs."""
        return (init_settings,)

    @field_validator("worker", "api")
    @classmethod
    def _own_ports(cls, section: WorkerSettings | ApiSettings, info: ValidationInfo) -> WorkerSettings | ApiSettings:
        field = "port" if isinstance(section, ApiSettings) else "metrics_port"
        port = getattr(section, field)
        for other in ("ingest", "worker"):
            if port and other in info.data and info.data[other].metrics_port == port:
                reject([((field,), f"{port} is also {other}.metrics_port; give each its own port")])
        return section

    @field_validator("streams", mode="wrap")
    @classmethod
    def _own_ids(cls, value: object, handler: ValidatorFunctionWrapHandler) -> tuple[StreamSettings, ...]:
        # Around the streams' own checks, so that a duplicate is named in one go with what else is wrong.
        duplicates = _duplicate_ids(value) if isinstance(value, Sequence) else []
        try:
            streams: tuple[StreamSettings, ...] = handler(value)
        except ValidationError as error:
            reject(duplicates, also=error)
        if duplicates:
            reject(duplicates)
        return streams


def _duplicate_ids(streams: Sequence[object]) -> list[Rejection]:
    """Return a problem for each stream, given as settings or as plain values, whose id was used before."""
    first_with: dict[str, int] = {}
    problems: list[Rejection] = []
    for index, stream in enumerate(streams):
        name = stream.get("id") if isinstance(stream, Mapping) else getattr(stream, "id", None)
        if name is not None and (first := first_with.setdefault(str(name), index)) != index:
            problems.append(((index, "id"), f"is also the id of streams[{first}]; give each stream its own"))
    return problems
