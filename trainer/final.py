"""What becomes of one head's logits in the model that ships: its temperature, and what is added to single emotions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from moodline.emotions import EMOTIONS, Emotion
from moodline.errors import ModelError
from moodline.manifest import RecallFloor
from trainer.augment import scaled
from trainer.average import predict
from trainer.calibrate import best_temperature, prior_shift, recall_bias
from trainer.data import Faces
from trainer.export import Output
from trainer.labels import labels_of, targets
from trainer.run import Run


@dataclass(frozen=True)
class Choice:
    """What of a run is published, and how: one head, the strength of its logit adjustment, a note for the card.

    None takes the run's first head, or the recipe's strength. `recall_floors` are the least recalls on validation,
    shares of 1. `data` is what manifest and card call the data.
    """

    head: str | None = None
    prior_shift: float | None = None
    note: str = ""
    recall_floors: Mapping[Emotion, float] = field(default_factory=dict)
    data: str = ""


@dataclass(frozen=True)
class Final:
    """One head as it ships, and what the manifest says of how it was adjusted."""

    output: Output
    prior_shift: float
    recall_floors: dict[Emotion, RecallFloor]


def chosen_head(run: Run, choice: Choice) -> str:
    """The output that is chosen, the first where none is. Raises ModelError for one that the run has not."""
    heads = run.recipe.labels.heads
    if choice.head not in (None, *heads):
        raise ModelError(f"The run has an output for {' and '.join(heads)}, none for {choice.head!r}.")
    return choice.head or heads[0]


def final_output(run: Run, faces: Faces, validation: Faces, choice: Choice) -> Final:
    """Fit the chosen head of a run on the validation split, its averaged network being up to date.

    First a temperature, then the adjustment by the priors of the training's `faces`. Where recalls are wanted, what is
    least for them is added to the adjusted logits, and the temperature is fitted again after it. Raises ModelError
    where they cannot be had.
    """
    head, emotions = chosen_head(run, choice), run.recipe.labels.emotions
    first = run.recipe.labels.heads.index(head) * len(EMOTIONS)
    columns = [first + EMOTIONS.index(emotion) for emotion in emotions]
    found = labels_of(validation, head)
    images, labels = scaled(validation.images[found >= 0], run.side), _places(found[found >= 0], emotions)
    plain: NDArray[np.floating] = predict(run.averaged, images)[:, columns]
    strength = run.recipe.prior_shift if choice.prior_shift is None else choice.prior_shift
    shift = prior_shift(targets(faces, run.recipe.labels)[:, columns], strength)
    output = Output(tuple(columns), best_temperature(plain, labels), shift)
    if not choice.recall_floors:
        return Final(output, strength, {})
    mirrored: NDArray[np.floating] = predict(run.averaged, np.ascontiguousarray(images[:, :, ::-1]))[:, columns]
    plain, mirrored = plain / output.temperature + shift, mirrored / output.temperature + shift
    bias = recall_bias(plain, mirrored, labels, _floors(choice.recall_floors, emotions))
    for one, added in zip(emotions, bias, strict=True):
        if not np.isfinite(added):
            floor = choice.recall_floors[one]
            raise ModelError(f"On validation {one} cannot have a recall of {floor:g} beside the others: ask for less.")
    again = best_temperature(plain + bias, labels)
    floors = {
        one: RecallFloor(floor=floor, added=round(float(bias[emotions.index(one)]) / again, 4))
        for one, floor in choice.recall_floors.items()
    }
    return Final(
        replace(output, temperature=output.temperature * again, shift=(shift + bias) / again), strength, floors
    )


def _places(labels: NDArray[np.int64], emotions: Sequence[Emotion]) -> NDArray[np.int64]:
    """The labels (N,) as places in `emotions`."""
    return np.searchsorted([EMOTIONS.index(emotion) for emotion in emotions], labels)


def _floors(wanted: Mapping[Emotion, float], emotions: Sequence[Emotion]) -> dict[int, float]:
    """The floors by place in `emotions`. Raises ModelError for an emotion that is not among them."""
    if unknown := [one for one in wanted if one not in emotions]:
        raise ModelError(f"The run does not tell {unknown[0]} from others: ask for no recall of it.")
    return {emotions.index(one): floor for one, floor in wanted.items()}
