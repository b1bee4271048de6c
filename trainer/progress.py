"""What a person sees of a run in work: a bar on a terminal, a log line now and then elsewhere."""

import logging
import sys
import time
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn
from rich.progress import Progress as Bar

from trainer.recipe import Recipe

log = logging.getLogger(__name__)


class Progress:
    """Shows step, loss, accuracy and the time left of the whole run, during one epoch."""

    def __init__(self, epoch: int, recipe: Recipe, steps: int, every_s: float = 20.0) -> None:
        self._steps, self._every_s = steps, every_s
        self._name = f"epoch {epoch + 1}/{recipe.epochs}"
        # An epoch's work goes with the area of its faces; `later` is that of the epochs to come.
        work = [recipe.size_of(one) ** 2 for one in range(recipe.epochs)]
        self._later = steps * sum(work[epoch + 1 :]) / work[epoch]
        columns = (
            TextColumn(self._name),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.description}"),
        )
        self._bar = Bar(*columns, console=Console(stderr=True)) if sys.stderr.isatty() else None
        self._began = self._shown = time.monotonic()

    def __enter__(self) -> Self:
        if self._bar is not None:
            self._bar.start()
            self._bar.add_task("", total=self._steps)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def show(self, step: int, means: dict[str, float]) -> None:
        """Note that a step (from 0) is done; `means` are loss and accuracy of the epoch so far."""
        now = time.monotonic()
        step_s = (now - self._began) / (step + 1)
        left_min = step_s * (self._steps - step - 1 + self._later) / 60
        text = f"loss {means['loss']:.4f}  accuracy {means['accuracy']:.4f}  {left_min:.0f} min left"
        if self._bar is not None:
            self._bar.update(self._bar.task_ids[0], completed=step + 1, description=text)
        elif now - self._shown >= self._every_s:
            self._shown = now
            log.info("%s  step %d/%d  %s  %.2f s/step", self._name, step + 1, self._steps, text, step_s)
