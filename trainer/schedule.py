"""The learning rate over a run: one cycle, up in a straight line and down along a cosine."""

import math


def one_cycle(step: int, steps: int, peak: float, warm_up: float) -> float:
    """Learning rate of a step (from 0) out of `steps`: rises to `peak`, then falls to almost 0.

    `warm_up` is the share of the steps on which it rises. Steps past the end get the last rate.
    """
    rising = max(1, round(warm_up * steps))
    if step < rising:
        return peak * (step + 1) / rising
    share = min(1.0, (step + 1 - rising) / max(1, steps - rising + 1))
    return peak * 0.5 * (1 + math.cos(math.pi * share))
