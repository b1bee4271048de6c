"""Between a network's logits and the probabilities that ship: a temperature, and what is added to single emotions."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from trainer.metrics import confusion, recalls, softmax

_LEAST_PRIOR = 1e-4
_GOLDEN = (5**0.5 - 1) / 2
_STEP, _MOST = 0.01, 5.0
# The file's halved weights change the answer of a face or two.
_SPARE = 0.001


def best_temperature(logits: NDArray[np.floating], labels: NDArray[np.int64]) -> float:
    """The temperature by which logits (N, C) are to be divided, for the least negative log likelihood.

    Temperature scaling: Guo et al. 2017. The loss has one minimum over log T, so a golden-section search between 1/10
    and 10 finds it. Raises ValueError without faces.
    """
    if not len(labels):
        raise ValueError("no labelled faces to calibrate on")
    low, high = np.log(0.1), np.log(10.0)
    while high - low > 1e-4:
        left, right = high - _GOLDEN * (high - low), low + _GOLDEN * (high - low)
        if _loss(logits, labels, np.exp(left)) < _loss(logits, labels, np.exp(right)):
            high = right
        else:
            low = left
    return float(np.exp((low + high) / 2))


def prior_shift(targets: NDArray[np.floating], strength: float) -> NDArray[np.float64]:
    """What is added to logits so that rare classes are found more often (C,): -strength * log(prior).

    `targets` (N, C) are the soft labels of training; rows of zeros do not count. From Menon et al. 2021,
    "Long-tail learning via logit adjustment", after training: 0 changes nothing, 1 makes up for the
    whole imbalance. It costs calibration and accuracy where the world is as unbalanced as the data.
    """
    priors = targets.sum(axis=0, dtype=np.float64)
    # A class without a face is no reason for an infinite shift.
    return np.asarray(-strength * np.log(np.maximum(priors / priors.sum(), _LEAST_PRIOR)))


def recall_bias(
    plain: NDArray[np.floating],
    mirrored: NDArray[np.floating],
    labels: NDArray[np.int64],
    floors: Mapping[int, float],
) -> NDArray[np.float64]:
    """The least that must be added to logits (C,) so that the recall of each class in `floors` is at least its floor.

    `plain` and `mirrored` (N, C) are the logits of faces with these labels (N,) and of their mirror images. A floor
    holds for the faces alone and for the mean of both probabilities. To add to one class lowers the recall of the
    others only, so to raise those that are short, step by step from 0, ends at the least for all. Infinite for a class
    that has no face, or whose floor is out of reach.
    """
    bias = np.zeros(plain.shape[1])
    while short := _short(plain + bias, mirrored + bias, labels, floors):
        bias[short] += _STEP
        if bias.max() > _MOST:
            return np.where(bias > _MOST, np.inf, bias)
    return bias


def _short(
    plain: NDArray[np.floating], mirrored: NDArray[np.floating], labels: NDArray[np.int64], floors: Mapping[int, float]
) -> list[int]:
    """Classes whose recall is below their floor, of the faces alone or with their mirror images."""
    temperature = best_temperature(plain, labels)
    alone = softmax(plain / temperature)
    both = alone + softmax(mirrored / temperature)
    least = np.minimum(recalls(confusion(alone, labels)), recalls(confusion(both, labels)))
    return [one for one, floor in floors.items() if not least[one] >= min(1.0, floor + _SPARE)]


def _loss(logits: NDArray[np.floating], labels: NDArray[np.int64], temperature: float) -> float:
    """Mean negative log likelihood."""
    scaled = logits.astype(np.float64) / temperature
    scaled -= scaled.max(axis=1, keepdims=True)
    total = np.log(np.exp(scaled).sum(axis=1))
    return float((total - scaled[np.arange(len(labels)), labels]).mean())
