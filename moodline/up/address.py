"""Where each running ``moodline up`` leaves the address of its Redis, so that ``moodline events`` finds it.

A run has a file of its own, which it holds for as long as it lives. It holds no key: crops in that server stay sealed.
"""

import contextlib
import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from moodline.up.runtime import hold, is_held, runtime_directory

_NAME: Final = "run-{}.json"


@dataclass(frozen=True, slots=True)
class RunningUp:
    """A ``moodline up`` that runs: its Redis, the port of its API, by which it is told apart, and its streams."""

    redis_url: str
    api_port: int
    streams: Sequence[str]


@contextlib.contextmanager
def announced(run: RunningUp) -> Iterator[None]:
    """Let this user's other commands find a run while the block runs."""
    directory = runtime_directory()
    if directory is None:
        yield
        return
    path = directory / _NAME.format(os.getpid())
    draft = path.with_suffix(".draft")  # a file that nobody holds yet would be cleared away
    with hold(draft) or contextlib.nullcontext() as file:
        if file is not None:
            file.truncate(0)  # of an earlier process with this id
            json.dump(asdict(run), file)
            file.flush()
            draft.replace(path)
        try:
            yield
        finally:
            path.unlink(missing_ok=True)


def running_ups() -> list[RunningUp]:
    """Return this user's living runs, by the ports of their APIs; what the dead have left is cleared away."""
    directory = runtime_directory()
    found = [_read(path) for path in directory.glob(_NAME.format("*"))] if directory else []
    return sorted((run for run in found if run is not None), key=lambda run: run.api_port)


def _read(path: Path) -> RunningUp | None:
    try:
        if is_held(path):
            return RunningUp(**json.loads(path.read_text(encoding="utf-8")))
        path.unlink(missing_ok=True)
    except (OSError, ValueError, TypeError):
        pass  # it ended just now, or has not yet written
    return None
