"""Summaries, timelines and days as JSON, or as CSV for spreadsheets: RFC 4180, a header line, times in UTC."""

import csv
import io
from collections.abc import Iterable, Sequence
from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Any, Final, Literal

from fastapi import Depends, Query, Request
from fastapi.responses import Response
from pydantic import BaseModel

from api.models import milliseconds
from api.summary_models import DiaryModel, PeriodModel, SummaryModel, TimelineModel
from moodline.emotions import EMOTIONS

CSV_TYPE: Final = "text/csv"
JSON_TYPE: Final = "application/json"
Cell = str | int | float | None
Row = Sequence[Cell]


async def _as_csv(
    request: Request,
    form: Annotated[
        Literal["json", "csv"] | None,
        Query(alias="format", description="`csv` for a table; the same as the header `Accept: text/csv`."),
    ] = None,
) -> bool:
    return form == "csv" if form else _prefers_csv(request.headers.get("accept", ""))


AsCsv = Annotated[bool, Depends(_as_csv)]


def describe_csv(example: Sequence[str]) -> dict[int | str, dict[str, Any]]:
    """Return the OpenAPI description of an answer that may be a table, with its first lines."""
    content = {CSV_TYPE: {"schema": {"type": "string"}, "example": "\r\n".join([*example, ""])}}
    return {int(HTTPStatus.OK): {"description": "As JSON, or as a table.", "content": content}}


def as_json(model: BaseModel) -> Response:
    """Return a model as JSON, written in the thread of its endpoint: FastAPI would validate it again in another."""
    return Response(model.model_dump_json(), media_type=JSON_TYPE, headers={"Vary": "Accept"})


def summary_table(summary: SummaryModel, name: str) -> Response:
    """Return a line for each emotion, and such lines before them for the window before."""
    periods = [summary.before, summary] if summary.before else [summary]
    rows = [row for period in periods for row in _summary_rows(period, summary.streams)]
    header = ("start", "end", "streams", "emotion", "count", "share", "mean_probability", "faces", "tracks")
    return _table(header, rows, f"{name}-summary")


def timeline_table(timeline: TimelineModel, name: str) -> Response:
    """Return a line for each step, with a column for each emotion."""
    rows: list[Row] = [
        (milliseconds(step.at), step.faces, step.tracks, *(step.emotions.get(emotion, 0) for emotion in EMOTIONS))
        for step in timeline.buckets
    ]
    return _table(("at", "faces", "tracks", *EMOTIONS), rows, f"{name}-timeline")


def diary_table(diary: DiaryModel) -> Response:
    """Return a line for each day, with a column for each emotion."""
    rows: list[Row] = []
    for day in diary.days:
        counts = [day.emotions[emotion].count for emotion in EMOTIONS]
        seen = [_moment(day.first_seen), _moment(day.last_seen)]
        rows.append([day.date.isoformat(), day.faces, day.tracks, day.strongest, *seen, *counts])
    header = ("date", "faces", "tracks", "strongest", "first_seen", "last_seen", *EMOTIONS)
    return _table(header, rows, f"{diary.stream}-days")


def _summary_rows(period: PeriodModel, streams: Sequence[str]) -> list[Row]:
    span = (milliseconds(period.start), milliseconds(period.end), " ".join(streams))
    return [
        (*span, name, one.count, one.share, one.mean_probability, period.faces, period.tracks)
        for name, one in period.emotions.items()
    ]


def _table(header: Sequence[str], rows: Iterable[Row], name: str) -> Response:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(header)
    writer.writerows(rows)
    headers = {"Content-Disposition": f'attachment; filename="moodline-{name}.csv"', "Vary": "Accept"}
    return Response(text.getvalue(), media_type=f"{CSV_TYPE}; header=present", headers=headers)


def _moment(moment: datetime | None) -> str | None:
    return None if moment is None else milliseconds(moment)


def _prefers_csv(accept: str) -> bool:
    """Return whether a table is wanted more than JSON, by the weights of an Accept header."""
    weights = {CSV_TYPE: 0.0, JSON_TYPE: 0.0}
    for part in accept.lower().split(","):
        kind, *parameters = (piece.strip() for piece in part.split(";"))
        weight = next((_weight(text.removeprefix("q=")) for text in parameters if text.startswith("q=")), 1.0)
        for known in (kind,) if kind in weights else (JSON_TYPE,) if kind in {"*/*", "application/*"} else ():
            weights[known] = max(weights[known], weight)
    return weights[CSV_TYPE] > weights[JSON_TYPE]


def _weight(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0
