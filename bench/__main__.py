import os
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from bench.case import CHECKOUT, SHARED, Case, Context, NotMeasurableError
from bench.cases import all_cases
from bench.command import run_command
from bench.machine import describe
from bench.report import keep, keep_pictures, section, show
from moodline.errors import ConfigError

DOCUMENT = CHECKOUT / "docs" / "benchmarks.md"
_REPETITIONS = 5
_PIPE_WIDTH = 120


def run(
    case: Annotated[list[str] | None, typer.Option(help="Measure only this case; may be given again.")] = None,
    quick: Annotated[bool, typer.Option(help="One short repetition, nothing written: does it run?")] = False,
    repetitions: Annotated[int, typer.Option(min=1, help="How often each figure is measured.")] = _REPETITIONS,
    shared: Annotated[Path, typer.Option(help="Folder with the clips and models that are not ours.")] = SHARED,
    document: Annotated[Path, typer.Option(help="Where the results are written.")] = DOCUMENT,
) -> None:
    """Measure moodline on this machine: the whole way, inference, queue and latency."""
    cases = _chosen(case)
    console = Console() if sys.stdout.isatty() else Console(width=_PIPE_WIDTH)
    progress = Console(stderr=True, highlight=False)
    context = Context(1 if quick else repetitions, quick, shared.absolute(), say=progress.print)
    machine = describe()
    console.print("\n".join(machine), markup=False, highlight=False, soft_wrap=True)
    sections: dict[str, str] = {}
    for one in cases:
        progress.print(f"{one.name}: {one.title} ...")
        try:
            result = one.run(context)
        except NotMeasurableError as missing:
            console.print(f"{one.name}: not measured. {missing}", markup=False, highlight=False, soft_wrap=True)
            continue
        show(console, one, result)
        sections[one.name] = section(one, result, machine)
        if not quick:
            keep_pictures(document, result)
    if sections and not quick:
        keep(document, sections, [known.name for known in all_cases()])
        progress.print(f"Written to {document}")


def _chosen(names: list[str] | None) -> list[Case]:
    cases = {case.name: case for case in all_cases()}
    unknown = [name for name in names or () if name not in cases]
    if unknown:
        raise ConfigError(f"There is no case {', '.join(unknown)}: choose from {', '.join(cases)}.")
    return [case for name, case in cases.items() if not names or name in names]


def main() -> int:
    """Run the benchmarks; return the exit code: 0, 1 failure, 2 wrong usage."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # TensorFlow greets at length; children inherit this
    return run_command(run, "python -m bench")


if __name__ == "__main__":
    sys.exit(main())
