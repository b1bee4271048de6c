"""What lower precisions cost a model: int8's ranges, measured on training faces, and the loss of each on others."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from moodline.emotions import EMOTIONS, Emotion
from moodline.errors import ModelError
from moodline.manifest import (
    LEAST_SAME_LABEL,
    MANIFEST_NAME,
    MOST_ACCURACY_LOST,
    LowerPrecision,
    ModelManifest,
    PrecisionLoss,
    verify_model,
)
from trainer.backend import without_gradients
from trainer.card import CARD_NAME, put_section
from trainer.check import LOWER, MOST_DIFFERENCE, engine_answers
from trainer.data import Faces
from trainer.evaluate import load_file, probabilities

if TYPE_CHECKING:
    import keras

_FACES, _BATCH = 1024, 64
_BINS = 2048
_STEPS = 255

_TEXT = """\
## In lower precision

On CPUs that compute in it, workers run the model in int8 or bfloat16, whichever is faster. The same faces as above,
against float32; accuracy on the kind of labels where it loses most:

{table}

Workers take either only where it costs at most {points:.1f} points, and {same:.1%} of the faces keep their emotion."""


def measure_precisions(folder: Path, train: Faces, validation: Faces) -> ModelManifest:
    """Measure int8's ranges and what each lower precision costs, and write it into a model's manifest and card.

    Only precisions that this machine computes in are measured; workers take none of which nobody knows what it costs.
    Raises ModelError, also where an engine that computes in float32 gives other answers than Keras.
    """
    manifest = verify_model(folder)
    model = load_file(folder / manifest.file)
    chosen = np.linspace(0, len(train) - 1, min(_FACES, len(train))).astype(int)
    manifest = _written(folder, manifest, int8_ranges=activation_ranges(model, train.images[chosen]), losses={})
    answers = engine_answers(folder, validation.images)
    expected = probabilities(model, validation)
    _refuse_others(answers, expected)
    losses = {
        LOWER[engine]: loss_of(found, expected, validation, manifest.labels)
        for engine, found in answers.items()
        if engine in LOWER
    }
    manifest = _written(folder, manifest, losses=losses)
    if losses:
        put_section(folder / CARD_NAME, "precisions", _section(losses))
    return manifest


def _refuse_others(answers: dict[str, NDArray[np.float32]], expected: NDArray[np.floating]) -> None:
    for engine, found in answers.items():
        difference = float(np.abs(found - expected).max())
        if engine not in LOWER and not difference <= MOST_DIFFERENCE:  # nor if it is no number
            raise ModelError(
                f"{engine} does not answer as the Keras model does (a probability differs by {difference:.3f}): "
                "workers would tell other emotions than were scored, so it is not published."
            )


def activation_ranges(model: "keras.Model", images: NDArray[np.uint8]) -> tuple[float, ...]:
    """How far the inputs of each padded convolution but the first reach, for faces (N, 48, 48).

    A range ends where rounding to 255 steps within it and cutting off what lies beyond are least together, in mean
    squares. These inputs come out of a ReLU: they begin at 0.
    """
    import keras

    convolutions = [layer for layer in model.layers if isinstance(layer, keras.layers.Conv2D)]
    layers = [layer for layer in convolutions if layer.padding == "same"][1:]
    probe = keras.Model(model.inputs, [layer.input for layer in layers])
    faces = images[..., None].astype(np.float32)
    batches = [faces[start : start + _BATCH] for start in range(0, len(faces), _BATCH)]
    greatest = np.max([[value.max() for value in _seen(probe, batch)] for batch in batches], axis=0)
    counts = np.zeros((len(layers), _BINS))
    for batch in batches:
        values = zip(_seen(probe, batch), greatest, strict=True)
        counts += [np.histogram(value[value > 0], _BINS, (0, most))[0] for value, most in values]
    return tuple(round(best_end(count, float(most)), 4) for count, most in zip(counts, greatest, strict=True))


def best_end(counts: NDArray[np.floating], greatest: float) -> float:
    """Where a range from 0 should end, for a histogram of values in equal bins up to `greatest`."""
    middles = (np.arange(len(counts)) + 0.5) * greatest / len(counts)
    ends = greatest * np.linspace(0.1, 1, 181)
    rounding = (ends / _STEPS) ** 2 / 12
    errors = [
        (counts * np.where(middles <= end, step, (middles - end) ** 2)).sum()
        for end, step in zip(ends, rounding, strict=True)
    ]
    return float(ends[int(np.argmin(errors))])


def loss_of(
    found: NDArray[np.floating], expected: NDArray[np.floating], faces: Faces, labels: tuple[Emotion, ...]
) -> PrecisionLoss:
    """What probabilities (N, labels) lose against the expected ones."""
    names = np.array([EMOTIONS.index(label) for label in labels])
    before, after = names[expected.argmax(axis=1)], names[found.argmax(axis=1)]
    lost = [
        float((before == truth)[truth >= 0].mean() - (after == truth)[truth >= 0].mean())
        for truth in (faces.labels, faces.majority())
        if (truth >= 0).any()
    ]
    same = float((before == after).mean())
    return PrecisionLoss(faces=len(faces), same_label=round(same, 4), accuracy_lost=round(max(lost), 4))


def _seen(probe: Any, batch: NDArray[np.float32]) -> list[NDArray[np.float32]]:
    from keras.ops import convert_to_numpy

    with without_gradients():
        return [np.asarray(convert_to_numpy(value), np.float32) for value in probe([batch], training=False)]


def _written(folder: Path, manifest: ModelManifest, **changes: Any) -> ModelManifest:
    changed = manifest.model_copy(update=changes)
    (folder / MANIFEST_NAME).write_text(changed.model_dump_json(indent=2, by_alias=True) + "\n")
    return changed


def _section(losses: Mapping[LowerPrecision, PrecisionLoss]) -> str:
    rows = [
        f"| {name} | {loss.same_label:.2%} | {loss.accuracy_lost * 100:.2f} | {'yes' if loss.small else 'no'} |"
        for name, loss in losses.items()
    ]
    table = "\n".join(["| precision | same emotion | points lost | little enough |", "|---|--:|--:|---|", *rows])
    return _TEXT.format(table=table, points=MOST_ACCURACY_LOST * 100, same=LEAST_SAME_LABEL)
