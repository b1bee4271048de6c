"""Room in the folder of the jobs: what uploads have announced counts before it is there."""

import threading
from dataclasses import dataclass

from moodline.errors import FolderFullError
from moodline.jobs.files import JobFiles
from moodline.settings import JobSettings


@dataclass(eq=False, slots=True)
class Place:
    """The room of one upload; ``left``: bytes that were announced and have not come."""

    left: int

    def took(self, size: int) -> None:
        """Count bytes that are in the folder now."""
        self.left = max(0, self.left - size)


class UploadRoom:
    """Whose uploads are under way in this process. Safe to share between threads."""

    def __init__(self) -> None:
        self._asking = threading.Lock()
        self._places: set[Place] = set()

    def reserve(self, files: JobFiles, settings: JobSettings, announced: int) -> Place:
        """Keep room for an upload until it is released. Raises FolderFullError."""
        with self._asking:
            size = files.size()
            wanted = size + sum(place.left for place in tuple(self._places)) + announced
            if size >= settings.max_folder or wanted > settings.max_folder:
                raise FolderFullError("The folder of the videos is full: delete analyses that are done.")
            place = Place(announced)
            self._places.add(place)
        return place

    def release(self, place: Place) -> None:
        """Give the room of an upload back, however that ended."""
        self._places.discard(place)
