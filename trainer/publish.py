"""From a run's checkpoint to a model folder that a worker can load: whole, or not there."""

import secrets
import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from moodline.errors import ModelError
from moodline.manifest import MANIFEST_NAME, ModelManifest, SplitScores, Training, file_sha256, verify_model
from trainer.card import CARD_NAME, confusions, model_card
from trainer.checkpoint import checkpoint_of, load_checkpoint, newest_checkpoint, read_state
from trainer.data import SIDE, Faces
from trainer.evaluate import Scorer, load_file, split_scores
from trainer.export import inference_model, save_half
from trainer.final import Choice, chosen_head, final_output
from trainer.labels import away_from, labels_of, limited, training_faces
from trainer.metrics import confusion
from trainer.network import DENSE, GREY_MEAN, GREY_SPREAD, NETWORKS, flops_per_face
from trainer.precision import measure_precisions
from trainer.provenance import code_version, library_versions
from trainer.recipe import Labels, Recipe
from trainer.run import Run, resume, start_run
from trainer.run_folder import is_writable

_FILE = "model.keras"
_FIRST_HEAD = Choice()


def publish_run(
    run_folder: Path,
    train: Faces,
    validation: Faces,
    target: Path,
    *,
    replace: bool = False,
    choice: Choice = _FIRST_HEAD,
) -> ModelManifest:
    """Export, calibrate, score and publish the newest checkpoint of a run as the model folder `target`.

    `target` is `<registry>/<name>/<version>`. Raises ModelError where there is no checkpoint or no such
    head, or where the version is there already and `replace` is not given.
    """
    _refuse_published(target, replace)
    run = finished_run(run_folder)
    recipe, side, head = run.recipe, run.side, chosen_head(run, choice)
    faces, validation = training_faces(train, validation, recipe.labels), limited(validation, recipe.labels)
    run.average(faces, side)
    final = final_output(run, faces, validation, choice)

    def write(folder: Path) -> None:
        save_half(inference_model(run.averaged, side, final.output), folder / _FILE)
        # Scored is what ships: the file with its halved weights, loaded again.
        scorer = Scorer("", recipe.labels.emotions, load_file(folder / _FILE))
        manifest = ModelManifest(
            name=target.parent.name,
            version=int(target.name),
            **_file_facts(folder / _FILE),
            labels=recipe.labels.emotions,
            **_network_facts(recipe, side, scorer),
            temperature=round(final.output.temperature, 4),
            prior_shift=final.prior_shift,
            recall_floors=final.recall_floors,
            training=_training(run, head, faces, choice),
            scores=_all_scores(scorer, train, faces, validation),
        )
        (folder / MANIFEST_NAME).write_text(manifest.model_dump_json(indent=2, by_alias=True) + "\n")
        (folder / CARD_NAME).write_text(model_card(manifest, head, confusions(_mistakes(scorer, validation, head))))
        measure_precisions(folder, faces, validation)

    write_folder(target, write, replace=replace)
    return verify_model(target)


def _refuse_published(target: Path, replace: bool) -> None:
    if target.exists() and not replace:
        raise ModelError(f"{target} is published already: choose the next version, or add --replace.")


def refuse_unwritable(folder: Path) -> None:
    """Raise ModelError where no model can be written into a folder of a registry."""
    if not is_writable(folder):
        raise ModelError(f"{folder} cannot be written: set worker.registry to a folder of your own, or --registry.")


def write_folder(target: Path, write: Callable[[Path], None], *, replace: bool) -> None:
    """Make the folder `target` by calling `write` on a temporary sibling, then rename it into place.

    Where `write` fails, nothing has changed. A folder that is there already is replaced only if that is wanted, else
    ModelError is raised, also if another publisher made it meanwhile. It is put aside by a rename and removed at the
    end: between two renames there is none. What is killed there leaves it aside, for `put_back`.
    """
    mark = secrets.token_hex(4)
    temporary, aside = (target.with_name(f".{target.name}.{kind}-{mark}") for kind in ("new", "old"))
    temporary.mkdir(parents=True)
    try:
        write(temporary)
        if replace and target.exists():
            target.rename(aside)
        _put(temporary, target)
    except BaseException:
        if aside.exists() and not target.exists():
            aside.rename(target)
        raise
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
        shutil.rmtree(aside, ignore_errors=True)


def _put(made: Path, target: Path) -> None:
    try:
        made.rename(target)
    except OSError:
        _refuse_published(target, replace=False)
        raise


def put_back(model: Path) -> None:
    """Take back each version of a model that a publisher put aside and, being killed, did not replace."""
    for aside in sorted(model.glob(".[0-9]*.old-*")):
        target = aside.with_name(aside.name[1:].partition(".")[0])
        if target.exists():
            shutil.rmtree(aside, ignore_errors=True)  # replaced it was, only not removed
        else:
            aside.rename(target)


def finished_run(folder: Path) -> Run:
    """The run of a folder with the weights that count: of its newest checkpoint, or the best one's after patience.

    Raises ModelError where there is none.
    """
    checkpoint = newest_checkpoint(folder)
    if checkpoint is None:
        raise ModelError(f"{folder} holds no checkpoint: train first, or name the run's folder.")
    run = start_run(Recipe.model_validate(read_state(checkpoint).recipe))
    resume(run, folder)
    if run.epoch != run.state.epochs_done:
        load_checkpoint(checkpoint_of(folder, run.epoch), run.variables)
    return run


def _file_facts(path: Path) -> dict[str, Any]:
    """What the manifest says of the model file."""
    return {"file": path.name, "bytes": path.stat().st_size, "sha256": file_sha256(path)}


def _network_facts(recipe: Recipe, side: int, scorer: Scorer) -> dict[str, Any]:
    """What the manifest says of the network."""
    return {
        "preprocessing": _preprocessing(side),
        "architecture": _architecture(recipe, side),
        "parameters": scorer.model.count_params(),
        "flops_per_face": flops_per_face(recipe.network, side, len(recipe.labels.emotions)),
    }


def _mistakes(scorer: Scorer, validation: Faces, head: str) -> NDArray[np.int64]:
    """The confusion table (7, 7) on the labels that a head is to find."""
    labels = labels_of(validation, head)
    return confusion(scorer.probabilities(validation)[labels >= 0], labels[labels >= 0])


def _all_scores(scorer: Scorer, train: Faces, faces: Faces, validation: Faces) -> tuple[SplitScores, ...]:
    """Scores without and with a mirrored copy, of all faces and of those without a near copy in `train`.

    `faces` are those of `train` that were learned from.
    """
    found = {mirrored: scorer.probabilities(validation, mirrored) for mirrored in (False, True)}
    scores = []
    for apart in (False, True):
        chosen = away_from(validation, train) if apart else np.ones(len(validation), np.bool_)
        scored = validation.where(chosen)
        copies = int((~away_from(scored, faces)).sum())
        for mirrored, answers in found.items():
            scores.append(split_scores(answers[chosen], scored, "validation", mirrored, copies, apart))
    return tuple(scores)


def _preprocessing(side: int) -> str:
    scale = "" if side == SIDE else f"scaled to {side}x{side}, then "
    return (
        "None to be done: the graph takes grey values 0..255. Inside it they are "
        f"{scale}taken less {GREY_MEAN:g} and divided by {GREY_SPREAD:g}."
    )


def _architecture(recipe: Recipe, side: int) -> str:
    blocks = ", ".join("+".join(str(width) for width in block) for block in NETWORKS[recipe.network])
    return (
        f"{recipe.network}: blocks of 3x3 convolutions ({blocks}), batch norm (folded) and ReLU, "
        f"max pooling, {_end(recipe.network)}; {side}x{side} grey"
    )


def _end(network: str) -> str:
    hidden = ", ".join(str(width) for width in DENSE.get(network, ()))
    return f"dense layers ({hidden}) and one more" if hidden else "global average pooling, one dense layer"


def _training(run: Run, head: str, faces: Faces, choice: Choice) -> Training:
    split = f"the train split of {choice.data}" if choice.data else "the train split"
    kept = "once each" if run.recipe.labels.near_copies else "once each and without near copies of validation faces"
    return Training(
        recipe=run.recipe.name,
        seed=run.recipe.seed,
        epochs=run.epoch,
        faces=len(faces),
        labels=labels_learned(run.recipe.labels, head, faces.has_votes),
        data=f"{split}, {kept}",
        code_version=code_version(),
        versions=run.state.versions or library_versions(),  # runs of before keep none
        finished_at=datetime.now(UTC).replace(microsecond=0),
        hours=round(run.state.seconds / 3600, 2),
        note=" ".join(choice.note.split()),  # one line: it goes into a list
    )


def labels_learned(labels: Labels, head: str, has_votes: bool) -> str:
    """What a head was trained with, in words, as manifest and card say it."""
    if not has_votes or (labels.fer2013_weight == 1 and not labels.two_heads):
        return "the data's own labels"
    votes = "the majority of the FER+ votes" if labels.hard else "FER+ votes as soft labels"
    mixed = (
        f"{1 - labels.fer2013_weight:.0%} {votes} (contempt, unknown and not-a-face left out, at least "
        f"{labels.least_votes} votes), {labels.fer2013_weight:.0%} FER2013 label"
    )
    if labels.teacher:
        mixed += f" ({labels.teacher:.0%} of that the answers of the run before)"
    return f"{mixed}, each with its own output; published is that for {head}" if labels.two_heads else mixed
