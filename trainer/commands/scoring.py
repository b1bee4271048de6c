"""`evaluate`: how good a model of the registry is on any faces."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from trainer.commands.options import AsJson, Data, Emotions, Model, emotions_of

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from trainer.data import DataSet, Faces

Registry = Annotated[
    Path | None,
    typer.Option(help="Folder of models of your own.", envvar="MOODLINE_WORKER__REGISTRY", show_default=False),
]
Train = Annotated[
    Path | None,
    typer.Option("--train", help="What the model was trained on, to leave copies out. Default: train of --data."),
]


def evaluate(
    model: Model,
    data: Data,
    split: Annotated[str, typer.Option(help="Which split to score. Default: validation, else test.")] = "",
    emotions: Emotions = "",
    mirrored: Annotated[bool, typer.Option(help="Score the mean over each face and its mirror.")] = False,
    train: Train = None,
    registry: Registry = None,
    as_json: AsJson = False,
) -> None:
    """Score a model: accuracy, macro-F1, ECE, recall and precision, also without copies of training faces."""
    from rich.console import Console

    from moodline.registry import Registry as Models
    from trainer.data import open_data
    from trainer.evaluate import load_scorer
    from trainer.scoreboard import Asked, scoreboard, show

    kept = emotions_of(emotions)
    scorer = load_scorer(Models(registry).find(model))
    found = open_data(data)
    name = split or _usual_split(found)
    read = found.read(name)
    read.findings.warn()
    away = _away(read.faces, found, name, train)
    asked = Asked(scorer.tag, str(data), name, kept, mirrored)
    board = scoreboard(asked, scorer.probabilities(read.faces, mirrored), read.faces, away)
    if as_json:
        typer.echo(board.model_dump_json(indent=2))
    else:
        show(board, Console())


def _usual_split(data: "DataSet") -> str:
    """The split that is there for scoring."""
    return next((name for name in ("validation", "test") if name in data.readers), next(iter(data.readers)))


def _away(faces: "Faces", data: "DataSet", split: str, train: Path | None) -> "NDArray[np.bool_] | None":
    """Mask of the faces without a near copy in the training faces; None where nobody knows those."""
    from trainer.data import read_split
    from trainer.scoreboard import away_from_training

    if train is not None:
        return away_from_training(faces, read_split(train, "train"), same_data=False)
    if split == "train" or "train" not in data.readers:
        return None
    return away_from_training(faces, data.read("train").faces, same_data=True)
