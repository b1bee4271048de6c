"""`evaluate` and `models check`: how good a model of the registry is, and whether the engines agree."""

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from moodline.emotions import EMOTIONS
from moodline.errors import ModelError
from trainer.commands.options import AsJson, Data, Emotions, MarkdownFile, Model, emotions_of

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from moodline.emotions import Emotion
    from trainer.data import DataSet, Faces

log = logging.getLogger(__name__)

Registry = Annotated[
    Path | None,
    typer.Option(help="Folder of models of your own.", envvar="MOODLINE_WORKER__REGISTRY", show_default=False),
]
Split = Annotated[str, typer.Option(help="Which split to score. Default: validation, else test.")]
Mirrored = Annotated[bool, typer.Option(help="Score the mean over each face and its mirror.")]
Peer = Annotated[
    Path | None, typer.Option(exists=True, dir_okay=False, help="mini_XCEPTION's .hdf5 file, to be scored too.")
]
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
    from trainer.scoreboard import Asked, refuse_none, scoreboard, show

    kept = emotions_of(emotions)
    scorer = load_scorer(Models(registry).find(model))
    found = open_data(data)
    name = split or _usual_split(found)
    faces = _read(found, name)
    kept = kept if emotions else _known(scorer.labels, faces)
    refuse_none(faces, kept)
    away = _away(faces, found, name, train)
    asked = Asked(scorer.tag, str(data), name, kept, mirrored)
    board = scoreboard(asked, scorer.probabilities(faces, mirrored), faces, away)
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
    faces = _read(found, split or _usual_split(found))
    off: list[str] = []
    table = Table("engine", "faces", "same emotion", "greatest difference", "accuracy", "Keras")
    for one in agreements(Models(registry).find(model), faces):
        off += [one.engine] if one.allowed and not one.close else []
        if as_json:
            typer.echo(one.model_dump_json())
        shares = (f"{one.same_label:.2%}", f"{one.greatest_difference:.4f}")
        table.add_row(one.engine, f"{one.faces:,}", *shares, f"{one.accuracy:.2%}", f"{one.keras_accuracy:.2%}")
    if not as_json:
        Console().print(table)
    if off:
        engines = ", ".join(off)
        raise ModelError(f"{model} is not the same model on {engines}: keep workers from it, or publish it again.")


def compare(
    models: Annotated[list[str], typer.Argument(metavar="MODEL...", help="NAME, NAME@VERSION or folders.")],
    data: Data,
    peer: Peer = None,
    split: Split = "",
    mirrored: Mirrored = False,
    into: MarkdownFile = None,
    registry: Registry = None,
) -> None:
    """Score models side by side in one run, as a Markdown table."""
    from moodline.registry import Registry as Models
    from trainer.compare import comparison, load_peer, put_into
    from trainer.data import open_data
    from trainer.evaluate import load_scorer

    found = open_data(data)
    name = split or _usual_split(found)
    faces = _read(found, name)
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


def _read(data: "DataSet", split: str) -> "Faces":
    read = data.read(split)
    read.findings.warn()
    return read.faces


def _known(labels: "tuple[Emotion, ...]", faces: "Faces") -> "tuple[Emotion, ...]":
    """The emotions of a model; says how many faces are of others."""
    others = sum(EMOTIONS[label] not in labels for label in faces.labels)
    if others:
        log.warning("%d of %d faces left out: the model knows only %s.", others, len(faces), ", ".join(labels))
    return labels


def _away(faces: "Faces", data: "DataSet", split: str, train: Path | None) -> "NDArray[np.bool_] | None":
    """Mask of the faces without a near copy in the training faces; None where nobody knows those."""
    from trainer.data import DataError, read_split
    from trainer.scoreboard import away_from_training

    if train is not None:
        return away_from_training(faces, read_split(train, "train"), same_data=False)
    if split == "train" or "train" not in data.readers:
        return None
    try:
        known = data.read("train").faces
    except DataError as error:
        log.warning("Nobody knows which faces are near copies of training ones: %s", error)
        return None
    return away_from_training(faces, known, same_data=True)
