"""What a worker runs where TensorFlow and OpenVINO cannot be imported: Keras on JAX, in a process of its own."""

import logging
import multiprocessing
import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec
from multiprocessing.connection import Connection
from types import ModuleType, TracebackType
from typing import TYPE_CHECKING, Any, Self

from worker.engines.base import Pixels, Probabilities

if TYPE_CHECKING:
    from _typeshed.importlib import MetaPathFinderProtocol

_ANSWER_WITHIN_S = 280.0  # each new size is compiled first, on a machine that may be busy


class JaxWorker:
    """An engine whose process answers through a pipe. ``said``: what its worker has logged."""

    def __init__(self) -> None:
        context = multiprocessing.get_context("spawn")
        self._ours, theirs = context.Pipe()
        self._process = context.Process(target=_work, args=(theirs,), daemon=True)

    def __enter__(self) -> Self:
        self._process.start()
        name, said = self._answer()
        self.name, self.said = str(name), str(said)
        return self

    def predict(self, pixels: Pixels) -> Probabilities:
        self._ours.send(pixels)
        answer: Probabilities = self._answer()
        return answer

    def _answer(self) -> Any:
        assert self._ours.poll(_ANSWER_WITHIN_S), "the process with JAX does not answer"
        return self._ours.recv()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.join()


class _Without:
    """A finder of modules to which TensorFlow and OpenVINO are not installed."""

    def __init__(self, finder: "MetaPathFinderProtocol") -> None:
        self._finder = finder

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None, /
    ) -> ModuleSpec | None:
        absent = name.partition(".")[0] in {"tensorflow", "openvino"}
        return None if absent else self._finder.find_spec(name, path, target)


def _work(connection: Connection) -> None:
    sys.meta_path[:] = [_Without(finder) for finder in sys.meta_path]
    said: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: said.append(record.getMessage())  # type: ignore[method-assign]
    logging.getLogger("worker").addHandler(handler)
    logging.getLogger("worker").setLevel(logging.INFO)
    from moodline.settings import WorkerSettings
    from worker.model import load_classifier

    engine = load_classifier(WorkerSettings(model="vgg11-ferplus", batch_size=2)).engine._engine
    connection.send((engine.name, "\n".join(said)))
    while True:
        connection.send(engine.predict(connection.recv()))
