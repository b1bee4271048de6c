"""One job as it is kept in Redis."""

from datetime import UTC, datetime
from typing import Any, Final, Literal, get_args

from pydantic import BaseModel, ConfigDict

JobKind = Literal["analysis", "training"]
JOB_KINDS: Final[tuple[JobKind, ...]] = get_args(JobKind)
JobState = Literal["waiting", "running", "done", "failed", "cancelled"]
JOB_STATES: Final[tuple[JobState, ...]] = get_args(JobState)
ENDED: Final[frozenset[JobState]] = frozenset({"done", "failed", "cancelled"})

QUEUES: Final[dict[JobKind, str]] = {"analysis": "moodline-analyses", "training": "moodline-trainings"}
"""RQ's queue of each kind: hours of training do not hold up videos."""
FUNCTION: Final = "jobs.tasks.perform"
"""What RQ calls with a job's id; the only function that a worker of ours runs."""
RETRIES: Final = 3
"""How often a job is given to another worker after one has died with it."""


class JobRecord(BaseModel):
    """A job. ``steps`` of ``total`` are done: frames of a video, epochs of a training; ``total`` 0: not known.

    ``times_real_time``: how fast a video was analysed.
    ``source`` is a path below the allowed folder, and empty for a video that was handed in; ``name`` is for people.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    id: str
    kind: JobKind
    name: str
    source: str = ""
    annotate: bool = False
    show_faces: bool = False
    recipe: str = "default"
    state: JobState = "waiting"
    sentence: str = "It waits for a worker."
    steps: int = 0
    total: int = 0
    faces: int = 0
    times_real_time: float | None = None
    seconds_left: float | None = None
    attempts: int = 0
    cancel: bool = False
    created_at: datetime
    started_at: datetime | None = None
    ended_at: datetime | None = None

    @property
    def ended(self) -> bool:
        """Whether nothing more happens to the job."""
        return self.state in ENDED

    @property
    def percent(self) -> float | None:
        """Percent of the steps; None where their number is not known."""
        if self.state == "done":
            return 100.0
        return min(100.0, round(100.0 * self.steps / self.total, 1)) if self.total else None

    def fields(self) -> dict[str, str]:
        """Return the record as the fields of its hash."""
        return as_fields(self.model_dump(mode="json"))

    @classmethod
    def from_fields(cls, fields: dict[str, str]) -> "JobRecord":
        """Return the record that ``fields`` wrote."""
        return cls.model_validate(
            {name: value or None if name in _MAY_BE_NONE else value for name, value in fields.items()}
        )


_MAY_BE_NONE: Final = frozenset({"seconds_left", "times_real_time", "started_at", "ended_at"})


def as_fields(values: dict[str, Any]) -> dict[str, str]:
    """Return plain values as the text of a hash; None is empty."""
    return {name: "" if value is None else str(value) for name, value in values.items()}


def now() -> datetime:
    """Return this moment in UTC, to the millisecond."""
    moment = datetime.now(UTC)
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)
