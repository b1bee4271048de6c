"""What is made small in training: the cross-entropy of soft labels, summed over the heads of a network."""

from typing import Any

from moodline.emotions import EMOTIONS


def soft_cross_entropy(targets: Any, logits: Any) -> Any:
    """Loss (N,) of logits (N, 7 for each head) against soft labels of the same shape.

    A row of labels adds up to the head's weight in the loss; a row of zeros teaches the head nothing.
    """
    from keras import ops

    targets, logits = ops.cast(targets, "float32"), ops.cast(logits, "float32")
    losses = [
        -ops.sum(target * ops.log_softmax(logit, axis=-1), axis=-1)
        for target, logit in zip(_by_head(targets), _by_head(logits), strict=True)
    ]
    return sum(losses[1:], losses[0])


def accuracy(targets: Any, logits: Any) -> Any:
    """Share (N,) of right answers over the heads, each counted by its weight in the loss."""
    from keras import ops

    targets = ops.cast(targets, "float32")
    right = [
        ops.cast(ops.argmax(target, axis=-1) == ops.argmax(logit, axis=-1), "float32") * ops.sum(target, axis=-1)
        for target, logit in zip(_by_head(targets), _by_head(logits), strict=True)
    ]
    weights = [ops.sum(target, axis=-1) for target in _by_head(targets)]
    return sum(right[1:], right[0]) / ops.maximum(sum(weights[1:], weights[0]), 1e-6)


def _by_head(values: Any) -> list[Any]:
    """Columns of each head of values (N, 7 for each head)."""
    classes = len(EMOTIONS)
    return [values[:, start : start + classes] for start in range(0, values.shape[-1], classes)]
