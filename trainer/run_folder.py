"""What a run's folder holds beside checkpoints: what was run on what, and logs for TensorBoard."""

import hashlib
import json
import logging
import os
import platform
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from trainer.checkpoint import CheckpointError
from trainer.data import DataError, Faces
from trainer.provenance import code_version, library_versions
from trainer.recipe import Recipe

if TYPE_CHECKING:
    from tensorboardX import SummaryWriter

log = logging.getLogger(__name__)

FACTS_NAME = "run.json"
BOARD_FOLDER = "tensorboard"
_FLUSH_S = 5


def write_facts(folder: Path, recipe: Recipe, data: Path, faces: Mapping[str, Faces]) -> None:
    """Write `run.json`: recipe and seed, versions, data and when it began; a line more for each time it went on."""
    path = folder / FACTS_NAME
    before = _facts(folder)
    now = datetime.now(UTC).replace(microsecond=0).isoformat()
    facts: dict[str, Any] = {
        "recipe": recipe.model_dump(mode="json"),
        "seed": recipe.seed,
        "data": str(data.resolve()),
        "faces": _counts(faces),
        "digests": _digests(faces),
        "code": code_version(),
        "versions": library_versions(),
        "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} CPU cores",
        "started_at": [*before.get("started_at", []), now],
    }
    folder.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".tmp")
    temporary.write_text(json.dumps(facts, indent=2) + "\n", "utf-8")
    temporary.replace(path)


def _facts(folder: Path) -> dict[str, Any]:
    """What `run.json` says, nothing where there is none. Raises CheckpointError where it is damaged."""
    path = folder / FACTS_NAME
    try:
        found = json.loads(path.read_text("utf-8")) if path.is_file() else {}
        if isinstance(found, dict):
            return found
    except ValueError:
        pass
    raise CheckpointError(f"{path} is damaged: put it right, or remove it and see to it that the data are the same.")


def _counts(faces: Mapping[str, Faces]) -> dict[str, int]:
    return {name: len(split) for name, split in faces.items()}


def _digests(faces: Mapping[str, Faces]) -> dict[str, str]:
    """SHA-256 of each split: its pictures, labels and votes in their order."""
    return {name: _digest(split) for name, split in faces.items()}


def _digest(faces: Faces) -> str:
    found = hashlib.sha256()
    for part in (faces.images, faces.labels, faces.votes, faces.others):
        found.update(part.tobytes())
    return found.hexdigest()


def trained_on(folder: Path, faces: Mapping[str, Faces]) -> bool:
    """Whether a run's faces are these, as far as its folder says.

    Runs of before noted no digests but how many faces there were; a folder without `run.json` says nothing.
    """
    facts = _facts(folder)
    if "digests" in facts:
        return bool(facts["digests"] == _digests(faces))
    return bool(facts.get("faces", _counts(faces)) == _counts(faces))


def refuse_other_data(folder: Path, data: Path, faces: Mapping[str, Faces]) -> None:
    """Raise DataError where a run was trained on other faces than these, which are those of `data`."""
    if not trained_on(folder, faces):
        raise DataError(
            f"{folder} was trained on other faces than {data} holds now, or on a part of them, as an ablation does: "
            f"name the data that it was trained on ({_facts(folder).get('data', 'not noted')}), or train anew."
        )


def data_of(folder: Path) -> Path:
    """The data that a run was trained with. Raises DataError where the folder does not say."""
    data = _facts(folder).get("data")
    if not isinstance(data, str):
        raise DataError(f"{folder / FACTS_NAME} does not say what data the run was trained with: add --data.")
    return Path(data)


def is_writable(folder: Path) -> bool:
    """Whether a folder can be written into, or be made where it is not there yet."""
    there = next(place for place in (folder, *folder.parents) if os.path.lexists(place))
    return there.is_dir() and os.access(there, os.W_OK | os.X_OK)


def refuse_unwritable(folder: Path) -> None:
    """Raise CheckpointError where no run can be written into a folder."""
    if not is_writable(folder):
        raise CheckpointError(f"{folder} cannot be written into: choose another folder for the run.")


class Board:
    """Numbers of each epoch for TensorBoard, in a folder of their own."""

    def __init__(self, folder: Path, epochs_done: int) -> None:
        """What an earlier try logged beyond `epochs_done` is hidden by TensorBoard."""
        self._writer = _writer(folder / BOARD_FOLDER, epochs_done + 1)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._writer is not None:
            self._writer.close()

    def add(self, epoch: int, record: Mapping[str, float]) -> None:
        """Log an epoch (from 1); it is on the disk after seconds, or at the end."""
        if self._writer is not None:
            for name, value in record.items():
                self._writer.add_scalar(name, value, epoch)


def _writer(folder: Path, purge_step: int) -> "SummaryWriter | None":
    try:
        from tensorboardX import SummaryWriter
    except ImportError:
        log.warning("tensorboardX is not installed: no logs for TensorBoard; history.csv holds the same numbers.")
        return None
    return SummaryWriter(str(folder), purge_step=purge_step, flush_secs=_FLUSH_S)
