"""Temperature scaling (Guo et al. 2017): one number that makes confidences mean what they say."""

import numpy as np
from numpy.typing import NDArray

_LEAST_PRIOR = 1e-4
_GOLDEN = (5**0.5 - 1) / 2


def best_temperature(logits: NDArray[np.floating], labels: NDArray[np.int64]) -> float:
    """The temperature by which logits (N, C) are to be divided, for the least negative log likelihood.

    The loss has one minimum over log T, so a golden-section search between 1/10 and 10 finds it.
    Raises ValueError without faces.
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


def _loss(logits: NDArray[np.floating], labels: NDArray[np.int64], temperature: float) -> float:
    """Mean negative log likelihood."""
    scaled = logits.astype(np.float64) / temperature
    scaled -= scaled.max(axis=1, keepdims=True)
    total = np.log(np.exp(scaled).sum(axis=1))
    return float((total - scaled[np.arange(len(labels)), labels]).mean())
