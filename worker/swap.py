"""Changes the model under load: a new version is loaded beside the old one, which works on until then."""

import logging
import threading
from collections.abc import Callable
from typing import Final

from moodline.config.watch import ConfigFile
from moodline.errors import ConfigError, ModelError
from moodline.manifest import read_manifest
from moodline.metrics import Metrics
from moodline.settings import WorkerSettings
from worker.model import Classifier, find_model, load_classifier

log = logging.getLogger(__name__)

LOOK_EVERY_S: Final = 1.0

Fingerprint = tuple[tuple[str, int, int, int], ...]


class ModelWatch:
    """Looks once a second whether ``worker.model`` means another model now, in a thread of its own."""

    def __init__(
        self,
        settings: WorkerSettings,
        current: Classifier,
        swap: Callable[[Classifier], None],
        metrics: Metrics,
        *,
        file: ConfigFile | None = None,
    ) -> None:
        """``file``: where ``worker.model`` may be changed; of its other settings none is followed."""
        self._settings = settings
        self._current = current
        self._swap = swap
        self._swaps = metrics.counter("model_swaps")
        self._info = metrics.gauge("model_info")
        self._file = file
        self._seen: Fingerprint | None = None
        self._show()

    def start(self, stop: threading.Event) -> None:
        """Look until ``stop`` is set."""
        threading.Thread(target=self._run, args=(stop,), name="models", daemon=True).start()

    def swap_to(self, model: str) -> None:
        """Follow another folder, or another name of the registry, from the next look on."""
        if model != self._settings.model:
            log.info("worker.model is %s now.", model)
            self._settings = self._settings.model_copy(update={"model": model})

    def look(self) -> None:
        """Take a model that is new since the last look; one that does not fit is refused with a sentence."""
        self._follow_file()
        found = _fingerprint(self._settings)
        if found == self._seen:
            return
        self._seen = found
        try:
            fresh = self._load()
        except Exception as error:  # noqa: BLE001 - whatever is wrong with a new model, the old one goes on
            self._swaps.labels("refused").inc()
            log.error("%s Model %s goes on.", error, self._current.tag)  # noqa: TRY400 - a sentence for a user
            return
        if fresh is not None:
            self._take(fresh)

    def _follow_file(self) -> None:
        try:
            changed = self._file.look() if self._file is not None else None
        except ConfigError as error:
            log.error("%s The worker goes on as before.", error)  # noqa: TRY400 - a sentence for a user
            return
        if changed is not None:
            self.swap_to(changed.worker.model)

    def _run(self, stop: threading.Event) -> None:
        while not stop.wait(LOOK_EVERY_S):
            self.look()

    def _load(self) -> Classifier | None:
        """Load what is there now; None where it is the model that runs. Raises ModelError."""
        folder, running = find_model(self._settings.model, self._settings.registry), self._current.manifest
        manifest = read_manifest(folder)
        if (manifest.name, manifest.version) == (running.name, running.version):
            if manifest.sha256 == running.sha256:
                return None
            raise ModelError(
                f"The model in {folder} has changed and still calls itself version {manifest.version}: publish it "
                f"as version {manifest.version + 1}, so that events tell them apart."
            )
        return load_classifier(self._settings)

    def _take(self, fresh: Classifier) -> None:
        log.info("Model %s follows %s, from the next batch on.", fresh.tag, self._current.tag)
        self._current = fresh
        self._swap(fresh)
        self._swaps.labels("taken").inc()
        self._show()

    def _show(self) -> None:
        manifest = self._current.manifest
        self._info.clear()
        self._info.labels(manifest.name, str(manifest.version), self._current.engine.name).set(1)


def _fingerprint(settings: WorkerSettings) -> Fingerprint:
    """Return what changes when somebody publishes, replaces or damages a model; () where there is none."""
    try:
        files = sorted(find_model(settings.model, settings.registry).iterdir())
        return tuple((str(file), (stat := file.stat()).st_ino, stat.st_mtime_ns, stat.st_size) for file in files)
    except (ModelError, OSError):
        return ()
