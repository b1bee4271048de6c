"""`train` and `publish`: from faces to a model in the registry."""

import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from moodline.emotions import EMOTIONS
from trainer.commands.options import Data, Emotions, Model, RecallFloor, emotions_of, floors_of
from trainer.commands.reporting import report_on
from trainer.commands.scoring import check, compare

if TYPE_CHECKING:
    from moodline.emotions import Emotion
    from trainer.data import Faces

Registry = Annotated[
    Path | None,
    typer.Option(help="Folder of models of your own.", envvar="MOODLINE_WORKER__REGISTRY", show_default=False),
]


def build_models() -> typer.Typer:
    """Return the commands that make models; `moodline models` adds those that only look at them."""
    app = typer.Typer(help="Make models.", no_args_is_help=True)
    app.callback()(_about)
    for command in (publish, quantise, check, compare):
        app.command()(command)
    return app


def _about() -> None:
    """Make models."""


def train(
    data: Data,
    out: Annotated[Path, typer.Option(help="Folder of the run: checkpoints, history.csv, report.")],
    recipe: Annotated[str, typer.Option(help="Name of a recipe, or path of a TOML file.")] = "default",
    emotions: Emotions = "",
    resume: Annotated[bool, typer.Option(help="Go on from the newest checkpoint in --out.")] = False,
    start: Annotated[Path | None, typer.Option(help="Finished run of the recipe that this one starts from.")] = None,
) -> None:
    """Train a network; Ctrl-C and --resume give the same run."""
    from trainer.checkpoint import newest_checkpoint
    from trainer.data import read_training
    from trainer.recipe import read_recipe
    from trainer.run import resume as go_on
    from trainer.run import start_run, warm_start
    from trainer.run_folder import refuse_other_data, refuse_unwritable, write_facts
    from trainer.train import train as run_all

    how = read_recipe(recipe)
    if emotions:
        how = how.model_copy(update={"labels": how.labels.model_copy(update={"emotions": emotions_of(emotions)})})
    begun = newest_checkpoint(out) is not None
    if begun and not resume:
        raise typer.BadParameter(f"{out} holds a run already: add --resume, or choose another folder.")
    _refuse_start(start, how.start, begun)
    refuse_unwritable(out)
    faces, validation = read_training(data)
    splits = {"train": faces, "validation": validation}
    _refuse_missing(how.labels.emotions, faces)
    if begun:
        refuse_other_data(out, data, splits)
    run = start_run(how)
    if not go_on(run, out) and how.start and start is not None:
        warm_start(run, start)
    write_facts(out, how, data, splits)
    try:
        run_all(run, faces, validation, out)
    except KeyboardInterrupt:
        typer.echo(f"stopped after {run.state.epochs_done} epochs; go on with --resume", err=True)
        raise typer.Exit(130) from None
    typer.echo(f"{report_on(out, faces, validation)} shows how it went.")


def _refuse_start(start: Path | None, recipe: str, begun: bool) -> None:
    """Raise where the run to start from is not named, or one is for a recipe that starts from nothing."""
    if recipe and start is None and not begun:
        raise typer.BadParameter(f"The recipe goes on from a run of {recipe!r}: name it.", param_hint="--start")
    if start is not None and not recipe:
        raise typer.BadParameter("The recipe starts from nothing: leave it out.", param_hint="--start")


def _refuse_missing(emotions: "tuple[Emotion, ...]", faces: "Faces") -> None:
    """Raise where an emotion that was asked for by name has no face; all seven are asked for by nobody."""
    from trainer.data import DataError

    missing = [emotion for emotion in emotions if not (faces.labels == EMOTIONS.index(emotion)).any()]
    if missing and emotions != EMOTIONS:
        raise DataError(
            f"The data holds no face labelled {missing[0]}: leave it out of --emotions, or add faces of it."
        )


def publish(  # noqa: PLR0913, PLR0917 - one an option
    run: Annotated[Path, typer.Argument(metavar="RUN", help="Folder of a run; its newest checkpoint is published.")],
    data: Data,
    model: Annotated[str, typer.Option("--as", help="NAME for its next version, or NAME@VERSION.")],
    replace: Annotated[bool, typer.Option(help="Replace a version that is there already.")] = False,
    note: Annotated[str, typer.Option(help="One sentence for the manifest and the model card.")] = "",
    head: Annotated[str | None, typer.Option(help="Which output of a run with two: ferplus or fer2013.")] = None,
    prior_shift: Annotated[
        float | None, typer.Option(min=0, max=1, help="Strength of the adjustment for rare emotions.")
    ] = None,
    recall_floor: RecallFloor = "",
    registry: Registry = None,
) -> None:
    """Export, calibrate, score and publish a run: whole and verified, or not at all."""
    from moodline.registry import Registry as Models
    from trainer.data import read_training
    from trainer.final import Choice
    from trainer.publish import publish_run, put_back, refuse_unwritable
    from trainer.run_folder import refuse_other_data

    choice = Choice(head, prior_shift, note, floors_of(recall_floor), data.resolve().stem)
    models, (name, _, version) = Models(registry), model.partition("@")
    if not re.fullmatch(r"[a-z0-9][a-z0-9._-]*(@[1-9][0-9]*)?", model):
        raise typer.BadParameter(f"{model!r} is no NAME or NAME@VERSION, such as moods@2.", param_hint="--as")
    refuse_unwritable(models.folder / name)
    put_back(models.folder / name)
    to = models.folder / name / version if version else models.next_version(name)
    faces, validation = read_training(data)
    refuse_other_data(run, data, {"train": faces, "validation": validation})
    manifest = publish_run(run, faces, validation, to, replace=replace, choice=choice)
    typer.echo(f"{to}: {manifest.bytes / 1e6:.2f} MB, sha256 {manifest.sha256}")
    typer.echo(f"Let workers load it with: moodline models use {manifest.name}@{manifest.version}")


def quantise(model: Model, data: Data, registry: Registry = None) -> None:
    """Measure what lower precisions cost a published version, and write it into its manifest and card."""
    from moodline.registry import Registry as Models
    from trainer.data import read_training
    from trainer.precision import measure_precisions
    from trainer.publish import put_back, refuse_unwritable, write_folder

    models = Models(registry)
    put_back(models.folder / model.partition("@")[0])
    folder = models.find(model)
    refuse_unwritable(folder.parent)
    faces, validation = read_training(data)

    def write(fresh: Path) -> None:
        shutil.copytree(folder, fresh, dirs_exist_ok=True)
        for name, loss in measure_precisions(fresh, faces, validation).losses.items():
            kept, lost = f"{loss.same_label:.2%} keep their emotion", f"{loss.accuracy_lost * 100:.2f} points lost"
            typer.echo(f"{name}: {kept}, {lost}{'' if loss.small else ': too much, so no worker takes it'}.")

    write_folder(folder, write, replace=True)
