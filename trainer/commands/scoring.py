"""`evaluate` and `models check`: how good a model of the registry is, and whether the engines agree."""

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
Split = Annotated[str, typer.Option(help="Which split to score. Default: validation, else test.")]
Mirrored = Annotated[bool, typer.Option(help="Score the mean over each face and its mirror.")]
Train = Annotated[
    Path | None,
    typer.Option("--train", help="What the model was trained on, to leave copies out. Default: train of --data."),
]


def evaluate(
    model: Model,
    data: Data,
    split: Split = "",
    emotions: Emotions = "",
    mirrored: Mirrored = False,
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


def check(model: Model, data: Data, split: Split = "", registry: Registry = None, as_json: AsJson = False) -> None:
    """Compare each engine that workers run a model with to the Keras model, on the same faces."""
    from rich.console import Console
    from rich.table import Table

    from moodline.registry import Registry as Models
    from trainer.check import agreements
    from trainer.data import open_data

    found = open_data(data)
    faces = found.read(split or _usual_split(found)).faces
    table = Table("engine", "faces", "same emotion", "greatest difference", "accuracy", "Keras")
    for one in agreements(Models(registry).find(model), faces):
        if as_json:
            typer.echo(one.model_dump_json())
        shares = (f"{one.same_label:.2%}", f"{one.greatest_difference:.4f}")
        table.add_row(one.engine, f"{one.faces:,}", *shares, f"{one.accuracy:.2%}", f"{one.keras_accuracy:.2%}")
    if not as_json:
        Console().print(table)


def compare(
    models: Annotated[list[str], typer.Argument(metavar="MODEL...", help="NAME, NAME@VERSION or folders.")],
    data: Data,
    peer: Annotated[Path | None, typer.Option(help="mini_XCEPTION's .hdf5 file, to be scored too.")] = None,
    split: Split = "",
    mirrored: Mirrored = False,
    into: Annotated[Path | None, typer.Option(help="A model card that the table is written into.")] = None,
    registry: Registry = None,
) -> None:
    """Score models side by side in one run, as a Markdown table."""
    from moodline.registry import Registry as Models
    from trainer.compare import comparison, load_peer, put_into
    from trainer.data import open_data
    from trainer.evaluate import load_scorer

    found = open_data(data)
    name = split or _usual_split(found)
    faces = found.read(name).faces
    scorers = [load_scorer(Models(registry).find(model)) for model in models]
    peers = [load_peer(peer)] if peer else []
    copies = "a mirrored copy" if mirrored else "no mirrored copy"
    head = f"{len(faces):,} faces of `{name}`, {copies}.\n\n"
    table = head + comparison([*scorers, *peers], faces, _away(faces, found, name, None), mirrored)
    typer.echo(table)
    if into is not None:
        put_into(into, table)


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
