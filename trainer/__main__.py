"""`python -m trainer`: train, evaluate and publish models."""

import logging
import sys
from pathlib import Path
from typing import Annotated

import typer

from moodline.emotions import EMOTIONS, Emotion
from moodline.errors import MoodlineError
from trainer.data import read_split
from trainer.recipe import read_recipe

app = typer.Typer(no_args_is_help=True, add_completion=False, help="Train, evaluate and publish models.")

DEFAULT_MODEL = Path("worker/models/vgg11-ferplus/1")
DataOption = Annotated[Path, typer.Option("--data", help="Folder with train/<emotion>/*.png or train.csv.")]


@app.command()
def train(
    data: DataOption,
    out: Annotated[Path, typer.Option(help="Folder of the run: checkpoints and history.csv.")],
    recipe: Annotated[str, typer.Option(help="Name of a recipe, or path of a TOML file.")] = "default",
    resume: Annotated[bool, typer.Option(help="Go on from the newest checkpoint in --out.")] = False,
    start: Annotated[Path | None, typer.Option(help="Finished run of the recipe that this one starts from.")] = None,
) -> None:
    """Train a network; Ctrl-C and --resume give the same run."""
    from trainer.checkpoint import newest_checkpoint
    from trainer.run import resume as go_on
    from trainer.run import start_run, warm_start
    from trainer.train import train as run_all

    how = read_recipe(recipe)
    if not resume and newest_checkpoint(out) is not None:
        raise typer.BadParameter(f"{out} holds a run already: add --resume, or choose another folder.")
    if how.start and start is None and not resume:
        raise typer.BadParameter(f"The recipe goes on from a run of {how.start!r}: name it.", param_hint="--start")
    faces, validation = read_split(data, "train"), read_split(data, "validation")
    run = start_run(how)
    if not (resume and go_on(run, out)) and how.start and start is not None:
        warm_start(run, start)
    try:
        run_all(run, faces, validation, out)
    except KeyboardInterrupt:
        typer.echo(f"stopped after {run.state.epochs_done} epochs; go on with --resume", err=True)
        raise typer.Exit(130) from None


@app.command()
def evaluate(
    model: Annotated[Path, typer.Option(help="Model folder, for example worker/models/vgg11-ferplus/1.")],
    data: DataOption,
    split: Annotated[str, typer.Option(help="Which split to score.")] = "validation",
    emotions: Annotated[str, typer.Option(help="Comma-separated; the others are left out.")] = "",
    mirrored: Annotated[bool, typer.Option(help="Score the mean over each face and its mirror.")] = False,
    apart: Annotated[bool, typer.Option(help="Leave out near copies of faces of the train split.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Score a published model on a split of any data folder."""
    from trainer.evaluate import load_model, probabilities, report
    from trainer.labels import away_from

    faces = read_split(data, split)
    if apart:
        faces = faces.where(away_from(faces, read_split(data, "train")))
    found = probabilities(load_model(model), faces, mirrored)
    typer.echo(report(found, faces, split, _emotions(emotions), as_json=as_json))


@app.command()
def publish(
    run: Annotated[Path, typer.Option(help="Folder of a run; its newest checkpoint is published.")],
    data: DataOption,
    to: Annotated[Path, typer.Option(help="<registry>/<name>/<version>")] = DEFAULT_MODEL,
    replace: Annotated[bool, typer.Option(help="Replace a version that is there already.")] = False,
    note: Annotated[str, typer.Option(help="One sentence for the manifest and the model card.")] = "",
    head: Annotated[str | None, typer.Option(help="Which output of a run with two: ferplus or fer2013.")] = None,
    prior_shift: Annotated[
        float | None, typer.Option(min=0, max=1, help="Strength of the adjustment for rare emotions.")
    ] = None,
) -> None:
    """Export, calibrate, score and publish a run as a model folder."""
    from trainer.publish import Choice, publish_run

    faces, validation = read_split(data, "train"), read_split(data, "validation")
    choice = Choice(head, prior_shift, note)
    manifest = publish_run(run, faces, validation, to, replace=replace, choice=choice)
    typer.echo(f"{to}: {manifest.bytes / 1e6:.2f} MB, sha256 {manifest.sha256}")


@app.command()
def summary(data: DataOption) -> None:
    """Say what a data folder holds, before hours are spent on it."""
    for split in ("train", "validation"):
        faces = read_split(data, split)
        majority = faces.majority()
        typer.echo(f"{split}: {len(faces)} faces, {int((majority >= 0).sum())} with a FER+ majority")
        for index, emotion in enumerate(EMOTIONS):
            own, voted = int((faces.labels == index).sum()), int((majority == index).sum())
            typer.echo(f"  {emotion:9} {own:6} labelled {voted:6} by most raters")


def _emotions(text: str) -> tuple[Emotion, ...]:
    names = [name.strip() for name in text.split(",") if name.strip()]
    wrong = [name for name in names if name not in EMOTIONS]
    if wrong:
        raise typer.BadParameter(f"{wrong[0]!r} is not one of {', '.join(EMOTIONS)}.", param_hint="--emotions")
    return tuple(emotion for emotion in EMOTIONS if emotion in names) or EMOTIONS


def main() -> None:
    """Run the command line; errors of moodline are one sentence and an exit code."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", stream=sys.stderr)
    try:
        app()
    except MoodlineError as error:
        typer.echo(f"error: {error}", err=True)
        sys.exit(error.exit_code)


if __name__ == "__main__":
    main()
