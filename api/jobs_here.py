"""What the endpoints of jobs share: the store, opened when it is first asked for, and the folder."""

import threading
from typing import Annotated, cast

from fastapi import Depends
from starlette.requests import HTTPConnection

from api.dependencies import SettingsHere
from moodline.broker import Broker
from moodline.jobs.files import JobFiles
from moodline.jobs.store import JobStore
from moodline.settings import JobSettings


class JobDesk:
    """The way to the jobs' server. It may be another one than that of the streams, and away while that answers."""

    def __init__(self, broker: Broker, settings: JobSettings) -> None:
        self._broker = broker
        self._settings = settings
        self._lock = threading.Lock()
        self._store: JobStore | None = None

    def store(self) -> JobStore:
        """Return the store. Raises JobsOffError, BrokerError."""
        with self._lock:
            if self._store is None:
                self._store = JobStore.open(self._broker.settings, self._settings)
            return self._store

    def close(self) -> None:
        """Close what was opened."""
        if self._store is not None:
            self._store.close()


def desk_of(connection: HTTPConnection) -> JobDesk:
    """Return the desk of the application that answers."""
    return cast("JobDesk", connection.app.state.jobs)


def _store(connection: HTTPConnection) -> JobStore:
    return desk_of(connection).store()


def _files(settings: SettingsHere) -> JobFiles:
    return JobFiles(settings.jobs)


StoreHere = Annotated[JobStore, Depends(_store)]
FilesHere = Annotated[JobFiles, Depends(_files)]
