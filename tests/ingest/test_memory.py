"""What twelve streams take. Thirty-two are measured by ``python -m bench --case many-streams``."""

from pathlib import Path
from typing import Any

from bench.group import usage_of_group
from moodline.broker import Broker
from tests.ingest.service import accepted
from tests.support.wait import wait_until

STREAMS = 12
MOST_MIB = 60


def test_a_stream_takes_at_most_sixty_mebibytes(run: Any, broker: Broker, clip: Path) -> None:
    film = {"url": str(clip), "fps": 2, "detect_width": 640, "loop": True, "realtime": True}
    names = [f"film-{number}" for number in range(STREAMS)]
    with run(dict.fromkeys(names, film)) as ingest:
        wait_until(lambda: all(accepted(broker, name) >= 3 for name in names), description="all see faces", timeout=60)
        used = usage_of_group(ingest.process.pid)
        own, others = ingest.process.pid, [ingest.capture_pid(name) for name in names]
        assert {oom_score(process) for process in others} == {1000}, "the kernel takes one of these first"
        assert oom_score(own) < 1000
    assert used.processes >= STREAMS + 2, "a process each, the supervisor and the fork server"
    assert used.memory_mib < MOST_MIB * STREAMS


def oom_score(process: int) -> int:
    return int(Path(f"/proc/{process}/oom_score_adj").read_text())
