"""Checkpoints of a run: everything that the next step depends on, in one file that is whole or absent."""

import json
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
    """What a run has come to: its recipe, epochs done, seconds spent, one record per epoch."""

    recipe: dict[str, Any]
    epochs_done: int = 0
    seconds: float = 0.0
    history: list[dict[str, float]] = field(default_factory=list)

    def add_epoch(self, record: dict[str, float], seconds: float) -> None:
        """Note that an epoch is done."""
        self.epochs_done += 1
        self.seconds += seconds
        self.history.append(record)


def save_checkpoint(folder: Path, state: RunState, variables: Sequence[Any], keep: int = 3) -> Path:
    """Write `epoch_NNN.npz` with the values of all variables; keeps the newest `keep` files.

    `variables` are the model's (dropout's random state is among them) and the optimizer's (with the
    weight average). Shuffling and augmentation depend on seed, epoch and step alone, so a run that
    is resumed from the file goes the same way as one that never stopped.
    """
    folder.mkdir(parents=True, exist_ok=True)
    arrays = {_key(index): np.asarray(variable.numpy()) for index, variable in enumerate(variables)}
    arrays["state"] = np.frombuffer(json.dumps(asdict(state)).encode(), np.uint8)
    path = folder / f"epoch_{state.epochs_done:03d}.npz"
    temporary = path.with_suffix(".tmp")
    with temporary.open("wb") as file:
        np.savez(file, allow_pickle=False, **arrays)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
    for old in sorted(folder.glob("epoch_*.npz"))[:-keep]:
        old.unlink()
    return path


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
