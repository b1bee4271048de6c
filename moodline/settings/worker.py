"""The settings of worker, which classifies the crops."""

from datetime import timedelta
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import Field, field_validator

from moodline.config.schema import Unit
from moodline.emotions import Emotion
from moodline.registry import IN_USE
from moodline.settings.section import Section
from moodline.settings.units import Duration, Port, PositiveDuration

_FEWEST_EMOTIONS: Final = 2


class WorkerSettings(Section):
    """Classifying crops in batches, smoothing, publishing events."""

    model: str = Field(
        default=IN_USE,
        min_length=1,
        description=(
            "What classifies: in-use for what `moodline models use` has chosen, NAME@VERSION or NAME (its newest "
            "version) of the registry, or the path of a model's folder."
        ),
    )
    registry: Path | None = Field(
        default=None,
        description=(
            "Folder of models, NAME/VERSION each, that `moodline models` writes to and workers watch. Unset, the "
            "one that is installed with moodline, whose models are found in any case."
        ),
    )
    engine: Literal["auto", "tensorflow", "openvino", "jax"] = Field(
        default="auto",
        description=(
            "What runs the model. auto takes the fastest that is installed and that the model has weights for; jax "
            "(Keras on JAX) only where TensorFlow is not installed."
        ),
    )
    emotions: tuple[Emotion, ...] | None = Field(
        default=None,
        description=(
            "The emotions to tell apart, at least two; probabilities are renormalised over them. Unset, all "
            "that the model knows."
        ),
    )
    batch_size: Annotated[int, Unit("crops")] = Field(
        default=64,
        ge=1,
        le=4096,
        description=("Most crops in one run of the model: larger batches use the CPU better, smaller ones wait less."),
    )
    batch_wait: Duration = Field(
        default=timedelta(milliseconds=2),
        le=timedelta(seconds=1),
        description="How long a batch that is not full waits for more crops; 0 never waits.",
    )
    hand_lease: PositiveDuration = Field(
        default=timedelta(seconds=5),
        ge=timedelta(milliseconds=100),
        description=("How long a stream stays with a worker that has gone silent before another takes it over."),
    )
    max_attempts: Annotated[int, Unit("deaths")] = Field(
        default=3,
        ge=1,
        le=100,
        description=("A crop during which, alone in its batch, this many workers died is set aside as poison."),
    )
    smoothing_tau: Duration = Field(
        default=timedelta(milliseconds=500),
        description=(
            "Time constant of a track's smoothed emotion: after it, two thirds of a change have come "
            "through. It is in seconds, not frames, so the frame rate does not matter; 0 smooths nothing."
        ),
    )
    hysteresis: Annotated[float, Unit("probability 0 to 1")] = Field(
        default=0.2,
        ge=0,
        lt=1,
        description=(
            "By how much another emotion must lead before a track's smoothed emotion changes, against flicker."
        ),
    )
    threads: Annotated[int, Unit("threads")] | None = Field(
        default=None,
        ge=1,
        le=1024,
        description="Threads of the inference engine. Unset, as many as there are CPUs to use, as jax always does.",
    )
    metrics_host: str = Field(
        default="127.0.0.1",
        min_length=1,
        description="Address on which Prometheus metrics are served; 0.0.0.0 in a container.",
    )
    metrics_port: Port = Field(default=9102, description="Port of the Prometheus metrics of worker.")

    @field_validator("emotions")
    @classmethod
    def _at_least_two(cls, emotions: tuple[Emotion, ...] | None) -> tuple[Emotion, ...] | None:
        if emotions is None:
            return None
        if repeated := sorted({emotion for emotion in emotions if emotions.count(emotion) > 1}):
            raise ValueError(f"names {', '.join(repeated)} more than once; name each once")
        if len(emotions) < _FEWEST_EMOTIONS:
            raise ValueError("needs at least 2 emotions to tell apart; add one, or remove the setting for all")
        return emotions
