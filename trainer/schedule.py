"""The learning rate over a run: a cycle for each phase, up in a straight line and down along a cosine, or constant."""

import math
from bisect import bisect_right
from itertools import accumulate

from trainer.recipe import Recipe


def learning_rate(recipe: Recipe, step: int, epoch_steps: int) -> float:
    """Learning rate of a step (from 0) of a run with `epoch_steps` steps an epoch, as the recipe wants it.

    Each phase has a cycle of its own (warm restarts: Loshchilov and Hutter 2017).
    """
    if recipe.schedule == "constant":
        return recipe.peak_rate
    ends = list(accumulate(phase.epochs * epoch_steps for phase in recipe.phases))
    number = min(bisect_right(ends, step), len(ends) - 1)
    began = ends[number - 1] if number else 0
    return one_cycle(step - began, ends[number] - began, recipe.peak_rate, recipe.warm_up)


def one_cycle(step: int, steps: int, peak: float, warm_up: float) -> float:
    """Learning rate of a step (from 0) out of `steps`: rises to `peak`, then falls to almost 0.

    `warm_up` is the share of the steps on which it rises. Steps past the end get the last rate.
    """
    rising = max(1, round(warm_up * steps))
    if step < rising:
        return peak * (step + 1) / rising
    share = min(1.0, (step + 1 - rising) / max(1, steps - rising + 1))
    return peak * 0.5 * (1 + math.cos(math.pi * share))
