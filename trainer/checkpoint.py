"""Checkpoints of a run: everything that the next step depends on, in one file that is whole or absent."""

import json
import math
import os
import tokenize
import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from moodline.errors import MoodlineError


class CheckpointError(MoodlineError):
    """A checkpoint that is damaged or not of this run; the message says why and what to do."""


DAMAGED = (ValueError, TypeError, KeyError, EOFError, SyntaxError, tokenize.TokenError, zipfile.BadZipFile, zlib.error)
"""What NumPy raises for a file that is cut off, empty, or no archive of arrays."""


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
    for old in _checkpoints(folder)[:-keep]:
        if old != best:
            old.unlink()
    return path


def checkpoint_of(folder: Path, epoch: int) -> Path:
    """Path of the checkpoint after an epoch (from 1)."""
    return folder / f"epoch_{epoch:03d}.npz"


def newest_checkpoint(folder: Path) -> Path | None:
    """Path of the newest checkpoint in a run's folder, None where there is none."""
    return next(reversed(_checkpoints(folder)), None)


def _checkpoints(folder: Path) -> list[Path]:
    """The checkpoints in a folder, the oldest first; by number, for the 1,000th has a digit more."""
    numbers = {path: path.stem.removeprefix("epoch_") for path in folder.glob("epoch_*.npz")}
    return sorted((path for path in numbers if numbers[path].isdecimal()), key=lambda path: int(numbers[path]))


def read_state(path: Path) -> RunState:
    """Read what run a checkpoint is of, without its weights. Raises CheckpointError where it is damaged."""
    return _read(path, weights=False)[0]


def _read(path: Path, *, weights: bool) -> tuple[RunState, list[NDArray[Any]]]:
    """A checkpoint's state, and the values of its variables if they are wanted."""
    try:
        with np.load(path) as arrays:
            state = RunState(**json.loads(arrays["state"].tobytes()))
            count = len(arrays.files) - 1 if weights else 0
            return state, [arrays[_key(index)] for index in range(count)]
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read ({error.strerror or error}): check its permissions.") from error
    except DAMAGED as error:
        raise CheckpointError(
            f"{path} is damaged, or no checkpoint of moodline: restore it, or remove it to go on from an older one."
        ) from error


def load_checkpoint(path: Path, variables: Sequence[Any]) -> RunState:
    """Put a checkpoint's values into the variables, and give its state.

    Raises CheckpointError where the file is damaged, or of another network or optimizer.
    """
    state, values = _read(path, weights=True)
    if [value.shape for value in values] != [tuple(variable.shape) for variable in variables]:
        raise CheckpointError(f"{path} is of another network; choose another folder for the run.")
    for value, variable in zip(values, variables, strict=True):
        variable.assign(value)
    return state


def _key(index: int) -> str:
    return f"v{index:04d}"


def write_history(folder: Path, state: RunState) -> None:
    """Write `history.csv`: a line an epoch."""
    keys = list(dict.fromkeys(key for record in state.history for key in record))
    lines = [",".join(keys)]
    lines += [",".join(f"{record.get(key, float('nan')):.6g}" for key in keys) for record in state.history]
    (folder / "history.csv").write_text("\n".join(lines) + "\n")
