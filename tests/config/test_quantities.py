"""Durations and sizes as people write them."""

from contextlib import suppress
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from moodline.config.quantities import format_duration, format_size, parse_duration
from moodline.settings.units import Duration, PositiveDuration, Size

DURATION = TypeAdapter(Duration)
SIZE = TypeAdapter(Size)


@pytest.mark.parametrize(
    ("written", "seconds"),
    [
        ("2s", 2),
        ("500ms", 0.5),
        ("15m", 900),
        ("1h", 3600),
        ("1h30m", 5400),
        ("1h 30m", 5400),
        ("7d", 604_800),
        ("2w", 1_209_600),
        ("1.5s", 1.5),
        (" 2 s ", 2),
        ("PT2.5S", 2.5),
        ("P1D", 86_400),
        ("30", 30),
        (30, 30),
        (0.25, 0.25),
        ("0", 0),
        (timedelta(seconds=3), 3),
    ],
)
def test_a_duration_is_read(written: object, seconds: float) -> None:
    assert DURATION.validate_python(written) == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    "written",
    ["", "s", "5x", "5 minutes", "1:30", "-2s", -1, "nan", float("inf"), "9" * 400, 10**400, True, [], "P"],
)
def test_what_is_no_duration_is_refused(written: object) -> None:
    with pytest.raises(ValidationError):
        DURATION.validate_python(written)


def test_a_positive_duration_refuses_zero() -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(PositiveDuration).validate_python("0s")


@given(st.timedeltas(min_value=timedelta(0), max_value=timedelta(days=10_000)))
def test_what_is_shown_is_read_back_as_the_same(value: timedelta) -> None:
    assert parse_duration(format_duration(value)) == value


@given(st.text())
def test_any_text_is_a_duration_or_refused(text: str) -> None:
    with suppress(ValidationError):
        assert DURATION.validate_python(text) >= timedelta(0)


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (timedelta(days=2), "2d"),
        (timedelta(minutes=90), "90m"),
        (timedelta(milliseconds=1500), "1500ms"),
        (timedelta(microseconds=1), "0.000001s"),
        (timedelta(0), "0s"),
    ],
)
def test_a_duration_is_shown_in_its_largest_whole_unit(value: timedelta, shown: str) -> None:
    assert format_duration(value) == shown


@pytest.mark.parametrize(
    ("written", "size"),
    [("8MiB", 8 * 1024**2), ("8 MB", 8_000_000), ("512KiB", 524_288), (4096, 4096), ("1GiB", 1024**3)],
)
def test_a_size_is_read(written: object, size: int) -> None:
    assert SIZE.validate_python(written) == size


@pytest.mark.parametrize("written", ["", "many", "8 XB", -1, 0])
def test_what_is_no_size_is_refused(written: object) -> None:
    with pytest.raises(ValidationError):
        SIZE.validate_python(written)


@given(st.integers(min_value=1, max_value=2**50))
def test_a_size_that_is_shown_is_read_back_as_the_same(value: int) -> None:
    assert SIZE.validate_python(format_size(value)) == value
