"""What the API answers about analyses and trainings, with examples for the OpenAPI document."""

from typing import Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from api.models import Instant, example_of
from moodline.jobs.record import JobRecord, JobState

_TIMES: Final[dict[str, Any]] = {
    "created_at": "2026-11-22T08:30:00.000Z",
    "started_at": "2026-11-22T08:30:01.250Z",
    "ended_at": None,
}
ANALYSIS: Final[dict[str, Any]] = {
    "id": "5f0c1d2e3a4b5c6d",
    "name": "holiday.mp4",
    "state": "running",
    "sentence": "412 of 900 frames (46%), 530 faces, 0:06 left.",
    "percent": 45.8,
    "seconds_left": 6.2,
    **_TIMES,
    "frames": 412,
    "total_frames": 900,
    "faces": 530,
    "times_real_time": None,
    "annotate": False,
    "results": [],
}
TRAINING: Final[dict[str, Any]] = {
    "id": "6d5c4b3a2e1d0c5f",
    "name": "fer2013",
    "state": "running",
    "sentence": "Epoch 3 of 40 is done.",
    "percent": 7.5,
    "seconds_left": 4021.0,
    **_TIMES,
    "epochs": 3,
    "total_epochs": 40,
    "recipe": "default",
}

JobId = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{16}$")]
AllowedPath = Annotated[str, StringConstraints(min_length=1, max_length=1024)]


class JobModel(BaseModel):
    """What every job has."""

    id: JobId
    name: str = Field(description="What people call it: the name of the file or of the data.")
    state: JobState
    sentence: str = Field(description="How far it is, how it ended, or why it failed.")
    percent: float | None = Field(description="None where the file does not say how long it is.")
    seconds_left: float | None = Field(description="None before the first steps and after the end.")
    created_at: Instant
    started_at: Instant | None
    ended_at: Instant | None


class AnalysisModel(JobModel):
    """One analysis of a recorded video."""

    model_config = example_of(ANALYSIS)

    frames: int = Field(description="Frames that were read so far.")
    total_frames: int = Field(description="Frames that the file promises; 0: it says nothing.")
    faces: int = Field(description="Faces that were judged so far.")
    times_real_time: float | None = Field(description="How many times as fast as it plays; None before the end.")
    annotate: bool = Field(description="Whether an annotated video is asked for.")
    results: list[str] = Field(description="Names of the files that can be fetched.")

    @classmethod
    def of(cls, record: JobRecord, results: list[str]) -> "AnalysisModel":
        """Return the analysis as the API shows it."""
        return cls(
            **_common(record),
            frames=record.steps,
            total_frames=record.total,
            faces=record.faces,
            times_real_time=record.times_real_time,
            annotate=record.annotate,
            results=results,
        )


class AnalysisList(BaseModel):
    """The analyses, the newest first."""

    model_config = example_of(
        {
            "enabled": True,
            "paths": True,
            "max_upload": 2147483648,
            "workers": 1,
            "waiting": 0,
            "analyses": [ANALYSIS],
        }
    )

    enabled: bool = Field(description="Whether videos are taken (jobs.folder).")
    paths: bool = Field(description="Whether videos of the server may be named (jobs.recordings).")
    max_upload: int = Field(description="Bytes of the largest video that is taken.")
    workers: int = Field(description="How many `moodline jobs` do analyses; with 0 they wait.")
    waiting: int = Field(description="How many analyses wait for a worker.")
    analyses: list[AnalysisModel]


class AnalysisRequest(BaseModel):
    """A video that lies on the server already."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"path": "holiday/film.mp4"}})

    path: AllowedPath = Field(description="Below the folder that jobs.recordings names.")
    annotate: bool = Field(default=False, description="Also write the video with boxes and emotions, faces blurred.")


class TrainingModel(JobModel):
    """One training."""

    model_config = example_of(TRAINING)

    epochs: int = Field(description="Epochs that are done.")
    total_epochs: int = Field(description="Epochs of the recipe; 0 before the first is done.")
    recipe: str

    @classmethod
    def of(cls, record: JobRecord) -> "TrainingModel":
        """Return the training as the API shows it."""
        return cls(**_common(record), epochs=record.steps, total_epochs=record.total, recipe=record.recipe)


class TrainingList(BaseModel):
    """The trainings, the newest first."""

    model_config = example_of({"enabled": True, "trainings": [TRAINING]})

    enabled: bool = Field(description="Whether trainings are taken (jobs.training_data).")
    trainings: list[TrainingModel]


class TrainingRequest(BaseModel):
    """A training on data that lies on the server."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"data": "fer2013", "recipe": "default"}})

    data: AllowedPath = Field(description="Below the folder that jobs.training_data names.")
    recipe: Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]{0,40}$")] = Field(
        default="default", description="Name of a recipe of the trainer."
    )


def _common(record: JobRecord) -> dict[str, Any]:
    names = ("id", "name", "state", "sentence", "percent", "seconds_left", "created_at", "started_at", "ended_at")
    return {name: getattr(record, name) for name in names}
