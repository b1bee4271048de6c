"""A training run: from a recipe and faces to checkpoints that can be resumed."""

import logging
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from moodline.emotions import EMOTIONS
from moodline.errors import MoodlineError
from trainer.augment import scaled
from trainer.average import predict
from trainer.batches import epoch_batches, steps_per_epoch
from trainer.checkpoint import save_checkpoint, write_history
from trainer.data import Faces
from trainer.labels import FOUR, labels_of, targets, training_faces, validation_faces
from trainer.loss import soft_cross_entropy
from trainer.metrics import accuracy, restricted, softmax
from trainer.progress import Progress
from trainer.provenance import library_versions
from trainer.run import Run
from trainer.run_folder import Board
from trainer.schedule import learning_rate
from trainer.teacher import taught

log = logging.getLogger(__name__)


class TrainingError(MoodlineError):
    """Training that went wrong; the message says what to change."""


def train(run: Run, train_split: Faces, validation: Faces, folder: Path) -> None:
    """Train to the end of the recipe, or of its patience; after each epoch a checkpoint and logs in `folder`.

    Raises DataError where there is nothing to learn from or to judge by, CheckpointError where the answers that a
    resumed run learns from are gone, TrainingError where the loss is no number any more.
    """
    recipe = run.recipe
    faces = training_faces(train_split, validation, recipe.labels)
    validation = validation_faces(validation, recipe.labels)
    goal = taught(run, faces, targets(faces, recipe.labels), folder)
    steps = steps_per_epoch(len(faces), recipe.batch)
    log.info(
        "%s: %d of %d faces, %d steps an epoch, %d epochs, %d parameters",
        recipe.name,
        len(faces),
        len(train_split),
        steps,
        recipe.epochs,
        run.model.count_params(),
    )
    with Board(folder, run.state.epochs_done) as board:
        while not run.state.is_over(recipe.epochs, recipe.patience):
            record = _epoch(run, faces, goal, validation, folder)
            board.add(run.state.epochs_done, record)
    if run.state.epochs_done < recipe.epochs:
        log.info("ended early: no lesser loss on validation since epoch %d", run.state.best_epoch)


def _epoch(run: Run, faces: Faces, goal: NDArray[np.float32], validation: Faces, folder: Path) -> dict[str, float]:
    """Train one epoch, judge it, and leave a checkpoint; gives what goes into the history."""
    began, epoch, recipe = time.monotonic(), run.state.epochs_done, run.recipe
    size = recipe.size_of(epoch)
    if epoch == 0 or recipe.size_of(epoch - 1) != size:
        run.forget_shapes()
    record = _train_epoch(run, faces, goal, epoch)
    run.average(faces, size)
    record = {"epoch": epoch + 1, "size": size, **record, **_validate(run, validation, size)}
    run.state.add_epoch(record, time.monotonic() - began)
    run.state.versions = library_versions()
    save_checkpoint(folder, run.state, run.variables)
    write_history(folder, run.state)
    shown = "  ".join(f"{key} {value:.4f}" for key, value in list(record.items())[2:])
    log.info("epoch %d/%d  %.0f s  %s", epoch + 1, recipe.epochs, time.monotonic() - began, shown)
    return record


def _train_epoch(run: Run, faces: Faces, goal: NDArray[np.float32], epoch: int) -> dict[str, float]:
    """Train one epoch; gives mean loss and accuracy of its batches, and the last learning rate."""
    recipe, rate = run.recipe, 0.0
    steps = steps_per_epoch(len(faces), recipe.batch)
    sums, means = {"loss": 0.0, "accuracy": 0.0}, {}
    with Progress(epoch, recipe, steps) as progress:
        for step, (images, labels) in enumerate(epoch_batches(faces, goal, recipe, epoch)):
            rate = learning_rate(recipe, epoch * steps + step, steps)
            run.model.optimizer.learning_rate = rate
            found = run.model.train_on_batch(images, labels, return_dict=True)
            sums = {key: total + float(found[key]) for key, total in sums.items()}
            means = {key: total / (step + 1) for key, total in sums.items()}
            if not np.isfinite(means["loss"]):
                raise TrainingError(f"The loss is no number in epoch {epoch + 1}: lower the recipe's peak_rate.")
            progress.show(step, means)
    return means | {"rate": rate}


def _validate(run: Run, validation: Faces, side: int) -> dict[str, float]:
    """Loss and accuracy of the averaged network, of each head on the labels that it learns."""
    from keras.ops import convert_to_numpy

    logits = predict(run.averaged, scaled(validation.images, side))
    goal = targets(validation, run.recipe.labels)
    scores = {"validation_loss": float(np.mean(convert_to_numpy(soft_cross_entropy(goal, logits))))}
    heads = run.recipe.labels.heads
    for number, head in enumerate(heads):
        found = softmax(logits[:, number * len(EMOTIONS) :][:, : len(EMOTIONS)])
        suffix = "" if len(heads) == 1 else f"_{head}"
        scores |= {f"{name}{suffix}": share for name, share in _shares(found, labels_of(validation, head)).items()}
    return scores


def _shares(found: NDArray[np.float64], labels: NDArray[np.int64]) -> dict[str, float]:
    """Accuracy on all seven emotions, and on four where there are such faces."""
    chosen = labels >= 0
    shares = {"validation": accuracy(found[chosen], labels[chosen])}
    kept = [EMOTIONS.index(emotion) for emotion in FOUR]
    four = np.isin(labels, kept)
    if four.any():
        shares["validation_four"] = accuracy(restricted(found[four], kept), labels[four])
    return shares
