"""Trainings on data that lies on the server; off unless jobs.training_data says where that is."""

from http import HTTPStatus
from typing import Annotated, Final

from fastapi import APIRouter
from fastapi import Path as PathParameter

from api.dependencies import SettingsHere
from api.job_models import TRAINING, TrainingList, TrainingModel, TrainingRequest
from api.jobs_here import FilesHere, StoreHere
from api.problems import describe
from api.taking import known, remove, take
from api.uploads import shown_name
from moodline.jobs.files import allowed
from moodline.jobs.record import JobRecord, now

router = APIRouter(prefix="/v1/trainings", tags=["trainings"])

TrainingId = Annotated[str, PathParameter(alias="id", description="The training's id.", examples=[TRAINING["id"]])]
_ANSWERS: Final = describe(
    HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT, HTTPStatus.UNPROCESSABLE_ENTITY, HTTPStatus.SERVICE_UNAVAILABLE
)
_REFUSALS: Final = describe(
    HTTPStatus.REQUEST_TIMEOUT,
    HTTPStatus.CONFLICT,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    HTTPStatus.UNPROCESSABLE_ENTITY,
    HTTPStatus.SERVICE_UNAVAILABLE,
)


@router.get("", responses=describe(HTTPStatus.CONFLICT, HTTPStatus.SERVICE_UNAVAILABLE))
def trainings(store: StoreHere, settings: SettingsHere) -> TrainingList:
    """List the trainings, the newest first."""
    enabled = settings.jobs.folder is not None and settings.jobs.training_data is not None
    return TrainingList(enabled=enabled, trainings=[TrainingModel.of(record) for record in store.all("training")])


@router.post("", status_code=HTTPStatus.ACCEPTED, responses=_REFUSALS)
def train(asked: TrainingRequest, store: StoreHere, files: FilesHere, settings: SettingsHere) -> TrainingModel:
    """Start a training; its result is a run that is published by hand."""
    allowed(settings.jobs.training_data, asked.data, setting="jobs.training_data")
    made = {"name": shown_name(asked.data), "source": asked.data, "recipe": asked.recipe}
    return TrainingModel.of(
        take(store, files, settings, JobRecord(id=files.new(), kind="training", created_at=now(), **made))
    )


@router.get("/{id}", responses=_ANSWERS)
def training(job: TrainingId, store: StoreHere) -> TrainingModel:
    """Show one training."""
    return TrainingModel.of(known(store, job, "training"))


@router.delete("/{id}", status_code=HTTPStatus.ACCEPTED, responses=_ANSWERS)
def end_training(job: TrainingId, store: StoreHere, files: FilesHere) -> TrainingModel:
    """Cancel a training that waits or runs; delete one that has ended, with its run."""
    return TrainingModel.of(remove(store, files, known(store, job, "training")))
