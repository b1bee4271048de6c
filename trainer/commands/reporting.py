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
    from trainer.run_folder import data_of, refuse_other_data, trained_on

    own = data or data_of(run)
    faces, judged = read_training(own)
    validation = judged
    if data is not None and not trained_on(run, {"train": faces, "validation": judged}):
        own = data_of(run)
        faces, validation = read_training(own)  # what batch norms are measured on was learned from
    refuse_other_data(run, own, {"train": faces, "validation": validation})
    typer.echo(report_on(run, faces, validation, judged))


def report_on(run: Path, train: "Faces", validation: "Faces", judged: "Faces | None" = None) -> Path:
    """Write the report of a run that is done, trained on the given faces; returns its path.

    It is judged on `judged`, or on the validation faces.
    """
    from trainer.labels import limited, training_faces
    from trainer.publish import finished_run
    from trainer.report import gather, write_report

    done = finished_run(run)
    asked = validation if judged is None else judged
    faces = training_faces(train, validation, done.recipe.labels)
    done.average(faces, done.side)
    return write_report(gather(done, faces, limited(asked, done.recipe.labels)), run)
