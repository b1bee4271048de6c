"""Checkpoints of a run: everything that the next step depends on, in one file that is whole or absent."""

import json
import math
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from moodline.errors import MoodlineError


class CheckpointError(MoodlineError):
    """A checkpoint that does not belong to this run; the message says why and what to do."""


@dataclass
class RunState:
    """What a run has come to: its recipe, epochs done, seconds spent, one record per epoch, versions of libraries."""

    recipe: dict[str, Any]
    epochs_done: int = 0
    seconds: float = 0.0
    history: list[dict[str, float]] = field(default_factory=list)
    versions: dict[str, str] = field(default_factory=dict)

    def add_epoch(self, record: dict[str, float], seconds: float) -> None:
        """Note that an epoch is done."""
        self.epochs_done += 1
        self.seconds += seconds
        self.history.append(record)

    @property
    def best_epoch(self) -> int:
        """The epoch (from 1) with the least loss on validation; the last where that is not known; 0 before any."""
        losses = [record.get("validation_loss", math.inf) for record in self.history]
        known = bool(losses) and min(losses) < math.inf
        return losses.index(min(losses)) + 1 if known else self.epochs_done

    def is_over(self, epochs: int, patience: int) -> bool:
        """Whether all epochs are done, or `patience` of them (0: any number) went by without a lesser loss."""
        waited = self.epochs_done - self.best_epoch
        return self.epochs_done >= epochs or (patience > 0 and waited >= patience)


def save_checkpoint(folder: Path, state: RunState, variables: Sequence[Any], keep: int = 3) -> Path:
    """Write `epoch_NNN.npz` with the values of all variables; keeps the newest `keep` files, and the best epoch's.

    `variables` are the model's (dropout's random state is among them) and the optimizer's (with the
    weight average). Shuffling and augmentation depend on seed, epoch and step alone, so a run that
    is resumed from the file goes the same way as one that never stopped.
    """
    folder.mkdir(parents=True, exist_ok=True)
    arrays = {_key(index): np.asarray(variable.numpy()) for index, variable in enumerate(variables)}
    arrays["state"] = np.frombuffer(json.dumps(asdict(state)).encode(), np.uint8)
    path = checkpoint_of(folder, state.epochs_done)
    temporary = path.with_suffix(".tmp")
    with temporary.open("wb") as file:
        np.savez(file, allow_pickle=False, **arrays)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
    best = checkpoint_of(folder, state.best_epoch)
    for old in sorted(folder.glob("epoch_*.npz"))[:-keep]:
        if old != best:
            old.unlink()
    return path


def checkpoint_of(folder: Path, epoch: int) -> Path:
    """Path of the checkpoint after an epoch (from 1)."""
    return folder / f"epoch_{epoch:03d}.npz"


def newest_checkpoint(folder: Path) -> Path | None:
    """Path of the newest checkpoint in a run's folder, None where there is none."""
    return max(folder.glob("epoch_*.npz"), default=None)


def read_state(path: Path) -> RunState:
    """Read what run a checkpoint is of, without its weights."""
    with np.load(path) as arrays:
        return RunState(**json.loads(arrays["state"].tobytes()))


def load_checkpoint(path: Path, variables: Sequence[Any]) -> RunState:
    """Put a checkpoint's values into the variables, and give its state.

    Raises CheckpointError where the file is of another network or optimizer.
    """
    with np.load(path) as arrays:
        shapes = [arrays[_key(index)].shape for index in range(len(arrays.files) - 1)]
        if shapes != [tuple(variable.shape) for variable in variables]:
            raise CheckpointError(f"{path} is of another network; choose another folder for the run.")
        for index, variable in enumerate(variables):
            variable.assign(arrays[_key(index)])
    return read_state(path)


def _key(index: int) -> str:
    return f"v{index:04d}"


def write_history(folder: Path, state: RunState) -> None:
    """Write `history.csv`: a line an epoch."""
    keys = list(dict.fromkeys(key for record in state.history for key in record))
    lines = [",".join(keys)]
    lines += [",".join(f"{record.get(key, float('nan')):.6g}" for key in keys) for record in state.history]
    (folder / "history.csv").write_text("\n".join(lines) + "\n")
