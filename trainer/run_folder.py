"""What a run's folder holds beside checkpoints: what was run on what, and logs for TensorBoard."""

import json
import logging
import os
import platform
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

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
    before = json.loads(path.read_text("utf-8")) if path.is_file() else {}
    now = datetime.now(UTC).replace(microsecond=0).isoformat()
    facts: dict[str, Any] = {
        "recipe": recipe.model_dump(mode="json"),
        "seed": recipe.seed,
        "data": str(data.resolve()),
        "faces": {name: len(split) for name, split in faces.items()},
        "code": code_version(),
        "versions": library_versions(),
        "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} CPU cores",
        "started_at": [*before.get("started_at", []), now],
    }
    folder.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".tmp")
    temporary.write_text(json.dumps(facts, indent=2) + "\n", "utf-8")
    temporary.replace(path)


def data_of(folder: Path) -> Path:
    """The data that a run was trained with. Raises DataError where the folder does not say."""
    path = folder / FACTS_NAME
    try:
        return Path(json.loads(path.read_text("utf-8"))["data"])
    except (OSError, ValueError, KeyError) as error:
        raise DataError(f"{path} does not say what data the run was trained with: add --data.") from error


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
