"""Times in query parameters: a window that ends now, a span from one moment to another, or whole days."""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated, Final, Literal

from fastapi import Depends, Query
from pydantic import AfterValidator, BeforeValidator, WithJsonSchema

from api.dependencies import SettingsHere
from api.problems import WrongParameterError
from moodline.settings import Settings
from moodline.settings.units import format_duration, parse_duration

DEFAULT_WINDOW: Final = timedelta(minutes=15)
DEFAULT_DAYS: Final = 30
_DAY: Final = timedelta(days=1)
_MOMENT: Final = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)", re.ASCII)
_YEARS: Final = range(1970, 9000)
"""Of which Redis, the clocks and the arithmetic know; in UTC."""


@dataclass(frozen=True, slots=True)
class Period:
    """A ``window`` that ends at ``until``; None: now, and for a recorded stream its last event."""

    window: timedelta
    until: datetime | None = None


def _longer_than_zero(value: timedelta) -> timedelta:
    if value <= timedelta(0):
        raise ValueError("must be longer than zero, for example 15m")
    return value


def _moment(text: object) -> datetime:
    # A plus that was not encoded has arrived as a space.
    found = re.sub(r" (?=\d\d:\d\d$)", "+", str(text).upper())
    moment = _parsed(found) if _MOMENT.fullmatch(found) else None
    if moment is None:
        raise ValueError("is no moment; write it as 2026-11-22T08:00:00Z")
    if moment.year in _YEARS:  # which no zone's change of day can leave far behind
        moment = moment.astimezone(UTC)
    _check_year(moment)
    return moment


def _parsed(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text)
    except ValueError:  # the thirteenth month
        return None


def _date(text: object) -> date:
    try:
        found = datetime.strptime(str(text), "%Y-%m-%d").replace(tzinfo=UTC).date()
    except ValueError:
        raise ValueError("is no day; write it as 2026-11-22") from None
    _check_year(found)
    return found


def _check_year(day: date) -> None:
    if day.year not in _YEARS:
        raise ValueError(f"must lie in the years {_YEARS.start} to {_YEARS.stop - 1}")


_DURATION_SCHEMA = WithJsonSchema({"type": "string", "pattern": r"^([0-9]+(\.[0-9]+)?(ms|s|m|h|d))+$"})
Span = Annotated[timedelta, BeforeValidator(parse_duration), AfterValidator(_longer_than_zero), _DURATION_SCHEMA]
Moment = Annotated[datetime, BeforeValidator(_moment), WithJsonSchema({"type": "string", "format": "date-time"})]
Date = Annotated[date, BeforeValidator(_date), WithJsonSchema({"type": "string", "format": "date"})]


async def _period(
    settings: SettingsHere,
    window: Annotated[
        Span | None,
        Query(
            description=(
                "How far to look back: 90s, 15m (the default), 1h30m, 2d. A recorded stream's window ends with its "
                "last event."
            ),
            examples=["15m"],
        ),
    ] = None,
    since: Annotated[
        Moment | None,
        Query(
            alias="from",
            description="Begin of the time to sum up, instead of a window; widened to the edge of a time bucket.",
            examples=["2026-11-22T08:00:00Z"],
        ),
    ] = None,
    until: Annotated[
        Moment | None,
        Query(
            alias="to",
            description="End of it; now if left out. With `window` and without `from`, where the window ends.",
            examples=["2026-11-22T09:00:00Z"],
        ),
    ] = None,
) -> Period:
    if since is None:
        return Period(_checked(settings, window or DEFAULT_WINDOW, "window"), until)
    if window is not None:
        raise WrongParameterError("window", "says the same as 'from'; give one of them")
    end = until or datetime.now(UTC)
    if since >= end:
        raise WrongParameterError("from", "must lie before 'to'" if until else "lies in the future")
    return Period(_checked(settings, end - since, "from"), end)


async def _days(
    settings: SettingsHere,
    first: Annotated[
        Date | None,
        Query(alias="from", description="The first day, in UTC; 30 days in all if left out.", examples=["2026-11-01"]),
    ] = None,
    last: Annotated[
        Date | None,
        Query(
            alias="to",
            description="The last day, in UTC; today if left out, and for a recorded stream that of its last event.",
            examples=["2026-11-22"],
        ),
    ] = None,
) -> Period:
    if first is None:
        kept = max(resolution.keep for resolution in settings.summaries.resolutions)
        window = min(DEFAULT_DAYS * _DAY, kept // _DAY * _DAY or _DAY)
        return Period(window, None if last is None else _after(last))
    end = _after(last or datetime.now(UTC).date())
    window = end - _after(first) + _DAY
    if window <= timedelta(0):
        raise WrongParameterError("from", "must not lie after 'to'" if last else "lies in the future")
    return Period(_checked(settings, window, "from"), end)


def _after(day: date) -> datetime:
    return datetime.combine(day, time(), UTC) + _DAY


def _checked(settings: Settings, window: timedelta, name: str) -> timedelta:
    longest = max(resolution.keep for resolution in settings.summaries.resolutions)
    if window > longest:
        sentence = "is longer than what is kept" if name == "window" else "is further from the end than what is kept"
        raise WrongParameterError(name, f"{sentence}; ask for at most {format_duration(longest)}")
    return window


async def _step(
    step: Annotated[
        Span,
        Query(
            description=(
                "Length of a step: 10s, 1m, 1h; a multiple of a kept resolution. One that is longer than the window is "
                "told whole."
            ),
            examples=["1m"],
        ),
    ] = timedelta(minutes=1),
) -> timedelta:
    return step


async def _compare(
    compare: Annotated[
        Literal["before"] | None,
        Query(description="`before`: put the window before beside it, and what has changed since."),
    ] = None,
) -> bool:
    return compare is not None


AskedPeriod = Annotated[Period, Depends(_period)]
AskedDays = Annotated[Period, Depends(_days)]
Step = Annotated[timedelta, Depends(_step)]
Compare = Annotated[bool, Depends(_compare)]
