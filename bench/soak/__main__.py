import sys
import tempfile
import time
from pathlib import Path
from typing import Annotated

import typer

from bench.command import run_command
from bench.server import private_server
from bench.soak.life import Life, Pace, environment, model_copy
from bench.soak.usage import Sample, growing, look, plot, write_csv
from bench.system import Worker
from moodline.streams import list_streams

_CROPS_PER_S = 40.0
_SAMPLES = 180


def run(
    minutes: Annotated[float, typer.Option(min=0.1, help="How long.")] = 30.0,
    folder: Annotated[Path | None, typer.Option(help="Where the figures and the plot go.")] = None,
    worker: Annotated[str, typer.Option(help="The module that runs as a worker.")] = "worker",
) -> None:
    """Soak a worker: streams come and go, models follow each other, another worker ends and starts."""
    seconds, target = minutes * 60, folder or Path(tempfile.mkdtemp(prefix="moodline-soak-"))
    target.mkdir(parents=True, exist_ok=True)
    samples: list[Sample] = []
    with private_server() as server, model_copy() as model:
        settings = environment(server, model, seconds)
        life = Life(server, lambda: Worker(worker, settings), model, _CROPS_PER_S)
        try:
            life.wait_ready()
            began = time.monotonic()
            life.live(
                seconds,
                Pace.of(seconds),
                lambda: samples.append(look(server, life.stays.pid, time.monotonic() - began)),
                max(0.5, seconds / _SAMPLES),
            )
            views = list_streams(server.broker)
            wrong = [f"The ledger of {view.id} does not balance." for view in views if not view.ledger.balanced]
        finally:
            life.end()
    write_csv(samples, target / "soak.csv")
    plot(samples, target / "soak.svg")
    problems = wrong + growing(samples)
    print(f"{len(samples)} samples in {target}: soak.csv, soak.svg", *(problems or ["flat"]), sep="\n")
    raise typer.Exit(1 if problems else 0)


def main() -> int:
    """Run a soak; return the exit code: 0 flat, 1 not flat or failed, 2 wrong usage."""
    return run_command(run, "python -m bench.soak")


if __name__ == "__main__":
    sys.exit(main())
