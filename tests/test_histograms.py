"""Many values counted at once show what the same values show one by one."""

from prometheus_client import generate_latest

from moodline.metrics import Metrics

VALUES = [0.0, 0.001, 0.0011, 0.05, 0.7, 10.0, 11.0]  # on a bound, beside it, beyond the last


def shown(metrics: Metrics) -> list[str]:
    lines = generate_latest(metrics.registry).decode().splitlines()
    return [line for line in lines if "_created" not in line]


def test_counting_at_once_shows_what_counting_one_by_one_does() -> None:
    together, alone = Metrics(), Metrics()
    together.histogram("stage_seconds").labels("queue").observe_all(VALUES)
    for value in VALUES:
        alone.histogram("stage_seconds").labels("queue").observe(value)

    assert shown(together) == shown(alone)
    assert 'moodline_stage_seconds_count{stage="queue"} 7.0' in shown(together)
