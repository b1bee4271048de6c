"""`report`: a run's report, made again or on other faces."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from trainer.data import Faces

Run = Annotated[Path, typer.Argument(metavar="RUN", help="Folder of a run, as `moodline train --out` made it.")]
Data = Annotated[
    Path | None, typer.Option("--data", help="What it is judged on. Default: the data that it was trained with.")
]


def report(run: Run, data: Data = None) -> None:
    """Make the report of a run, one HTML file that opens offline: `RUN/report.html`."""
    from trainer.data import read_training
    from trainer.run_folder import data_of

    typer.echo(report_on(run, *read_training(data or data_of(run))))


def report_on(run: Path, train: "Faces", validation: "Faces") -> Path:
    """Write the report of a run that is done, judged on the given faces; returns its path."""
    from trainer.labels import limited, training_faces
    from trainer.publish import finished_run
    from trainer.report import gather, write_report

    done = finished_run(run)
    faces = training_faces(train, validation, done.recipe.labels)
    done.average(faces, done.side)
    return write_report(gather(done, faces, limited(validation, done.recipe.labels)), run)
