"""Children end with their parent, in order or not."""

import signal
import subprocess
import sys
from pathlib import Path

from moodline.leash import LeashedProcess
from tests.support.wait import wait_until

# Says that it is there, and after SIGTERM that it goes.
POLITE = """
import pathlib, signal, sys
notes = pathlib.Path(sys.argv[1])
def leave(*_):
    (notes / "left").touch()
    sys.exit(3)
signal.signal(signal.SIGTERM, leave)
(notes / "came").touch()
signal.pause()
"""
# Its own child writes to a file for as long as it lives; both are deaf to SIGTERM.
STUBBORN = """
import pathlib, signal, subprocess, sys
notes = pathlib.Path(sys.argv[1])
signal.signal(signal.SIGTERM, signal.SIG_IGN)
child = "import time, sys\\nwhile True: open(sys.argv[1], 'a').write('.'); time.sleep(0.01)"
subprocess.Popen([sys.executable, "-c", child, str(notes / "alive")])
(notes / "came").touch()
signal.pause()
"""
PARENT = """
import sys
from moodline.leash import LeashedProcess
LeashedProcess([sys.executable, "-c", sys.argv[1], sys.argv[2]])
sys.stdin.read()
"""


def is_there(path: Path) -> bool:
    return wait_until(path.exists, description=f"{path.name} has been noted")


def has_stopped_growing(path: Path) -> bool:
    """Whether nothing is written to a file that is else written to every 10 ms."""
    before = path.stat().st_size
    try:
        wait_until(lambda: path.stat().st_size != before, description="it grows", timeout=0.3)
    except AssertionError:
        return True
    return False


def test_a_child_that_is_asked_to_stop_stops_in_order(tmp_path: Path) -> None:
    process = LeashedProcess([sys.executable, "-c", POLITE, str(tmp_path)])
    assert is_there(tmp_path / "came")
    assert process.poll() is None
    assert process.stop(grace_s=10) == 3
    assert (tmp_path / "left").exists()


def test_a_child_that_will_not_stop_is_ended_with_all_that_it_started(tmp_path: Path) -> None:
    process = LeashedProcess([sys.executable, "-c", STUBBORN, str(tmp_path)])
    assert is_there(tmp_path / "came")
    assert is_there(tmp_path / "alive")
    assert process.stop(grace_s=0.2) == -signal.SIGKILL
    wait_until(lambda: has_stopped_growing(tmp_path / "alive"), description="the grandchild has ended")


def test_the_child_of_a_killed_parent_still_stops_in_order(tmp_path: Path) -> None:
    command = [sys.executable, "-c", PARENT, POLITE, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE) as parent:
        assert is_there(tmp_path / "came")
        parent.kill()
    assert is_there(tmp_path / "left")


def test_stopping_twice_is_harmless(tmp_path: Path) -> None:
    process = LeashedProcess([sys.executable, "-c", POLITE, str(tmp_path)])
    assert is_there(tmp_path / "came")
    process.stop(grace_s=10)
    assert process.stop(grace_s=10) == 3
