"""Analyses of recorded videos: handed in, watched, fetched, cancelled."""

from http import HTTPStatus
from pathlib import Path
from typing import Annotated, Any, Final, Literal, get_args

from fastapi import APIRouter, HTTPException, Request, Response
from fastapi import Path as PathParameter
from fastapi.responses import FileResponse
from pydantic import ValidationError
from starlette.concurrency import run_in_threadpool

from api.dependencies import SettingsHere
from api.job_models import ANALYSIS, AnalysisList, AnalysisModel, AnalysisRequest
from api.job_queue import workers_of
from api.jobs_here import FilesHere, StoreHere
from api.problems import describe
from api.taking import UnknownJobError, check_room, known, remove, take
from api.uploads import WrongUploadError, receive_upload, shown_name
from moodline.jobs.files import JobFiles, allowed
from moodline.jobs.record import JobRecord, now
from moodline.jobs.store import JobStore
from moodline.recordings.results import RESULT_FILES
from moodline.settings import Settings

router = APIRouter(prefix="/v1/analyses", tags=["analyses"])

AnalysisId = Annotated[str, PathParameter(alias="id", description="The analysis's id.", examples=[ANALYSIS["id"]])]
_Name = Literal[
    "report.html",
    "summary.json",
    "summary.csv",
    "timeline.json",
    "timeline.csv",
    "timeline.svg",
    "tracks.json",
    "tracks.csv",
    "events.jsonl",
    "annotated.mp4",
]
ResultName = Annotated[_Name, PathParameter(description="One of the analysis's `results`.", examples=["report.html"])]
_TYPES: Final = {
    ".html": "text/html; charset=utf-8",
    ".svg": "image/svg+xml",
    ".csv": "text/csv; charset=utf-8",
    ".json": "application/json",
    ".jsonl": "application/jsonl",
    ".mp4": "video/mp4",
}
_SHOWN: Final = frozenset({".html", ".svg"})
REPORT_POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'; sandbox; frame-ancestors 'none'; base-uri 'none'"
"""A report has its style inside and nothing else; it may do less than moodline's own pages."""
_BODY: Final[dict[str, Any]] = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["video"],
                    "properties": {
                        "video": {"type": "string", "format": "binary", "description": "The file."},
                        "annotate": {"type": "string", "enum": ["true", "false"], "description": "As below."},
                    },
                }
            },
            "application/json": {"schema": AnalysisRequest.model_json_schema()},
        },
    }
}
_ANSWERS: Final = describe(
    HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT, HTTPStatus.UNPROCESSABLE_ENTITY, HTTPStatus.SERVICE_UNAVAILABLE
)
_FILE: Final[dict[int | str, dict[str, Any]]] = {
    int(HTTPStatus.OK): {"description": "The file.", "content": {kind: {} for kind in _TYPES.values()}}
}
_REFUSALS: Final = describe(
    HTTPStatus.REQUEST_TIMEOUT,
    HTTPStatus.CONFLICT,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    HTTPStatus.UNPROCESSABLE_ENTITY,
    HTTPStatus.SERVICE_UNAVAILABLE,
    HTTPStatus.INSUFFICIENT_STORAGE,
)


@router.get("", responses=describe(HTTPStatus.CONFLICT, HTTPStatus.SERVICE_UNAVAILABLE))
def analyses(store: StoreHere, settings: SettingsHere) -> AnalysisList:
    """List the analyses, the newest first."""
    records = store.all("analysis")
    return AnalysisList(
        enabled=settings.jobs.folder is not None,
        paths=settings.jobs.folder is not None and settings.jobs.recordings is not None,
        max_upload=settings.jobs.max_upload,
        workers=workers_of(store, "analysis"),
        waiting=sum(record.state == "waiting" for record in records),
        analyses=[AnalysisModel.of(record, _results(settings, record)) for record in records],
    )


@router.post("", status_code=HTTPStatus.ACCEPTED, responses=_REFUSALS, openapi_extra=_BODY)
async def analyse(request: Request, store: StoreHere, files: FilesHere, settings: SettingsHere) -> AnalysisModel:
    """Hand in a video as a form, or name one of the server's; it waits for its turn."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "application/json":
        record = await run_in_threadpool(_named, await request.body(), store, files, settings)
    elif kind == "multipart/form-data":
        record = await _handed_in(request, store, files, settings)
    else:
        raise HTTPException(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
            "Send multipart/form-data with a part 'video', or application/json with a 'path'.",
        )
    return AnalysisModel.of(record, [])


@router.get("/{id}", responses=_ANSWERS)
def analysis(job: AnalysisId, store: StoreHere, settings: SettingsHere) -> AnalysisModel:
    """Show one analysis: how far it is, or how it ended."""
    record = known(store, job, "analysis")
    return AnalysisModel.of(record, _results(settings, record))


@router.get(
    "/{id}/results/{name}",
    response_class=Response,
    responses=_FILE | _ANSWERS,
)
def result(job: AnalysisId, name: ResultName, store: StoreHere, files: FilesHere) -> FileResponse:
    """Fetch one result."""
    record = known(store, job, "analysis")
    path = files.results(record.id) / name
    if not record.ended or not path.is_file():
        raise UnknownJobError(f"This analysis has no {name}: it is {record.state}.")
    how = "inline" if path.suffix in _SHOWN else "attachment"
    stem = Path(shown_name(record.name)).stem
    return FileResponse(
        path,
        media_type=_TYPES[path.suffix],
        filename=f"{stem}-{name}",
        content_disposition_type=how,
        headers={"Content-Security-Policy": REPORT_POLICY} if path.suffix in _SHOWN else None,
    )


@router.delete("/{id}", status_code=HTTPStatus.ACCEPTED, responses=_ANSWERS)
def end_analysis(job: AnalysisId, store: StoreHere, files: FilesHere) -> AnalysisModel:
    """Cancel an analysis that waits or runs; delete one that has ended, with its results."""
    return AnalysisModel.of(remove(store, files, known(store, job, "analysis")), [])


def _named(body: bytes, store: JobStore, files: JobFiles, settings: Settings) -> JobRecord:
    """Take a video that lies below the allowed folder."""
    try:
        asked = AnalysisRequest.model_validate_json(body)
    except ValidationError as error:
        first = error.errors()[0]
        names = ".".join(map(str, first["loc"])) or "body"
        raise HTTPException(HTTPStatus.UNPROCESSABLE_ENTITY, f"Body '{names}' is wrong: {first['msg']}.") from error
    video = allowed(settings.jobs.recordings, asked.path, setting="jobs.recordings")
    if not video.is_file():
        raise WrongUploadError(f"{asked.path!r} is no file.")
    files.check_room()  # its results need room, too
    made = {"name": shown_name(asked.path), "source": asked.path, "annotate": asked.annotate}
    return take(store, files, settings, JobRecord(id=files.new(), kind="analysis", created_at=now(), **made))


async def _handed_in(request: Request, store: JobStore, files: JobFiles, settings: Settings) -> JobRecord:
    """Take a video that comes with the request, where there is room; what is not taken leaves no file."""
    await run_in_threadpool(check_room, store, settings, "analysis")
    told = request.headers.get("content-length", "")
    announced = int(told) if told.isdigit() else int(settings.jobs.max_upload)
    job = await run_in_threadpool(files.reserve, announced)
    try:
        upload = await receive_upload(request, files.upload(job))
        record = JobRecord(
            id=job, kind="analysis", name=upload.name, annotate=upload.asks_for("annotate"), created_at=now()
        )
        return await run_in_threadpool(take, store, files, settings, record)
    except BaseException:
        files.remove(job)
        raise


def _results(settings: Settings, record: JobRecord) -> list[str]:
    if settings.jobs.folder is None or not record.ended:
        return []
    folder = JobFiles(settings.jobs).results(record.id)
    return [name for name in RESULT_FILES if (folder / name).is_file() and (folder / name).stat().st_size]


assert set(get_args(_Name)) == set(RESULT_FILES)  # noqa: S101 - two lists of one thing
