"""The learning rate over a run: one cycle, up in a straight line and down along a cosine, or always the same."""

import math

from trainer.recipe import Recipe


def learning_rate(recipe: Recipe, step: int, steps: int) -> float:
    """Learning rate of a step (from 0) out of `steps`, as the recipe wants it."""
    if recipe.schedule == "constant":
        return recipe.peak_rate
    return one_cycle(step, steps, recipe.peak_rate, recipe.warm_up)


def one_cycle(step: int, steps: int, peak: float, warm_up: float) -> float:
    """Learning rate of a step (from 0) out of `steps`: rises to `peak`, then falls to almost 0.

    `warm_up` is the share of the steps on which it rises. Steps past the end get the last rate.
    """
    rising = max(1, round(warm_up * steps))
    if step < rising:
        return peak * (step + 1) / rising
    share = min(1.0, (step + 1 - rising) / max(1, steps - rising + 1))
    return peak * 0.5 * (1 + math.cos(math.pi * share))
