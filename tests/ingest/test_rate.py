"""Thinning out to a number a second."""

import pytest

from ingest.rate import Rate, Sampling


def passed(rate: Rate, times: list[float]) -> list[float]:
    return [at_s for at_s in times if rate.is_due(at_s)]


@pytest.mark.parametrize("source_fps", [5, 12.5, 24.7, 25, 29.97, 60])
def test_as_many_go_through_as_wanted_whatever_the_source(source_fps: float) -> None:
    times = [index / source_fps for index in range(round(20 * source_fps))]
    assert len(passed(Rate(5), times)) == pytest.approx(100, abs=2)


def test_a_source_at_the_wanted_rate_loses_nothing_by_being_unpunctual() -> None:
    late_and_early = [0.2 * index + (0.02 if index % 2 else -0.02) for index in range(50)]
    assert passed(Rate(5), late_and_early) == late_and_early


def test_without_a_rate_everything_goes_through() -> None:
    assert passed(Rate(None), [0.0, 0.01, 0.02]) == [0.0, 0.01, 0.02]


def test_what_was_missed_in_a_pause_is_not_made_up_for() -> None:
    rate = Rate(5)
    rate.is_due(0.0)
    assert passed(rate, [10.0, 10.01, 10.02, 10.1]) == [10.0]


def test_a_clock_that_is_set_back_holds_nothing_up() -> None:
    rate = Rate(1)
    rate.is_due(1000.0)
    assert passed(rate, [0.0, 0.5, 1.0]) == [0.0, 1.0]


def test_what_is_left_out_is_counted() -> None:
    sampling = Sampling(5)
    wanted = [sampling(number / 25) for number in range(100)]
    assert sum(wanted) == 21
    assert sampling.left_out == 79
    assert all(Sampling(None)(number / 25) for number in range(100))
