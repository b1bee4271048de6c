"""Scores of predicted probabilities against labels."""

import numpy as np
from numpy.typing import NDArray

Probabilities = NDArray[np.floating]
Labels = NDArray[np.int64]


def softmax(logits: NDArray[np.floating]) -> NDArray[np.float64]:
    """Probabilities (N, C) of logits (N, C)."""
    shifted = np.exp(logits.astype(np.float64) - logits.max(axis=1, keepdims=True))
    return np.asarray(shifted / shifted.sum(axis=1, keepdims=True))


def accuracy(probabilities: Probabilities, labels: Labels) -> float:
    """Share of rows whose largest probability is the label's."""
    return float((probabilities.argmax(axis=1) == labels).mean())


def restricted(probabilities: Probabilities, kept: list[int]) -> NDArray[np.float64]:
    """Probabilities (N, C) with all but the kept emotions at 0, each row adding up to 1 again."""
    out = np.zeros(probabilities.shape, np.float64)
    out[:, kept] = probabilities[:, kept]
    return np.asarray(out / np.maximum(out.sum(axis=1, keepdims=True), 1e-12))


def confusion(probabilities: Probabilities, labels: Labels) -> NDArray[np.int64]:
    """Counts (C, C): rows are labels, columns are predictions."""
    classes = probabilities.shape[1]
    pairs = labels * classes + probabilities.argmax(axis=1)
    return np.bincount(pairs, minlength=classes * classes).reshape(classes, classes)


def recalls(table: NDArray[np.int64]) -> NDArray[np.float64]:
    """Recall of each class of a confusion table; nan for a class that has no faces."""
    totals = table.sum(axis=1)
    return np.where(totals > 0, table.diagonal() / np.maximum(totals, 1), np.nan)


def precisions(table: NDArray[np.int64]) -> NDArray[np.float64]:
    """Precision of each class of a confusion table; nan for a class that was never answered."""
    totals = table.sum(axis=0)
    return np.where(totals > 0, table.diagonal() / np.maximum(totals, 1), np.nan)


def macro_f1(table: NDArray[np.int64]) -> float:
    """Mean F1 over the classes that have faces."""
    there = table.sum(axis=1) > 0
    both = table.sum(axis=0) + table.sum(axis=1)
    return float((2 * table.diagonal() / np.maximum(both, 1))[there].mean())


def calibration_error(probabilities: Probabilities, labels: Labels, bins: int = 15) -> float:
    """Expected calibration error (0..1): mean gap between confidence and accuracy, over equal bins."""
    confidence = probabilities.max(axis=1)
    right = probabilities.argmax(axis=1) == labels
    where = np.minimum((confidence * bins).astype(int), bins - 1)
    gaps = [
        abs(confidence[where == one].mean() - right[where == one].mean()) * (where == one).mean()
        for one in np.unique(where)
    ]
    return float(sum(gaps))
