"""The model registry: a folder with `<name>/<version>/` for each model, and which of them workers load.

Trainers publish into it, workers watch it, and neither needs the other. A folder of one's own comes before the
models that are installed with moodline; those stay to be found.
"""

import os
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from moodline.errors import ModelError
from moodline.manifest import MANIFEST_NAME, verify_model

IN_USE: Final = "in-use"
"""What `worker.model` is set to where `moodline models use` decides; also the name of the file that it writes."""

DEFAULT_MODEL: Final = "vgg11-ferplus"
"""What is in use where nobody has decided."""


class Registry:
    """The models of a folder, and those that come with moodline."""

    def __init__(self, folder: Path | None = None) -> None:
        """``folder`` None: only the models that come with moodline."""
        self.folder = folder or installed_models()
        self._folders = list(dict.fromkeys((self.folder, installed_models())))

    def models(self) -> Iterator[Path]:
        """Yield the folder of each version, by name and number; one's own before an installed one of that name."""
        seen: dict[tuple[str, int], Path] = {}
        for folder in self._folders:
            for path in folder.glob("*/[0-9]*"):
                if path.name.isdecimal() and not path.parent.name.startswith("."):
                    seen.setdefault((path.parent.name, int(path.name)), path)
        for key in sorted(seen):
            yield seen[key]

    def find(self, name: str) -> Path:
        """Return the folder of a model: a folder's path, ``NAME`` for its newest version, ``NAME@VERSION``, or IN_USE.

        Raises ModelError.
        """
        if name == IN_USE:
            return self.find(self.in_use())
        path = Path(name)
        if path.is_dir() and (path / MANIFEST_NAME).exists():
            return path
        if "/" in name:
            raise ModelError(f"{name} holds no {MANIFEST_NAME}: set worker.model to a model's folder or name.")
        wanted, _, version = name.partition("@")
        found = [path for path in self.models() if path.parent.name == wanted and version in ("", path.name)]
        if found:
            return found[-1]
        known = ", ".join(dict.fromkeys(path.parent.name for path in self.models())) or "none"
        raise ModelError(
            f"There is no model {name}: choose one of the registry ({known}), or set worker.model to a folder."
        )

    def in_use(self) -> str:
        """Return what `models use` has chosen, as ``NAME@VERSION``, or DEFAULT_MODEL where nobody has chosen.

        Raises ModelError where what it wrote is damaged.
        """
        path = self.folder / IN_USE
        try:
            chosen = path.read_text("utf-8").strip() or DEFAULT_MODEL
        except OSError:
            return DEFAULT_MODEL
        except UnicodeDecodeError:
            chosen = IN_USE  # as wrong as any text that names no model
        if chosen == IN_USE:
            raise ModelError(f"{path} names no model: write it anew with `moodline models use NAME@VERSION`.")
        return chosen

    def next_version(self, name: str) -> Path:
        """Return the folder for the next version of a model: after the newest there is, installed or one's own."""
        numbers = [int(path.name) for path in self.models() if path.parent.name == name]
        return self.folder / name / str(max(numbers, default=0) + 1)

    def use(self, name: str) -> str:
        """Verify a model and let workers load it; return it as ``NAME@VERSION``. Raises ModelError."""
        path = self.find(name)
        manifest = verify_model(path)
        chosen = f"{manifest.name}@{manifest.version}"
        if path in self.models() and (path.parent.name, int(path.name)) != (manifest.name, manifest.version):
            raise ModelError(
                f"{path} is {chosen} by its {MANIFEST_NAME}: give it the folder or the manifest that fits."
            )
        if self.find(chosen) != path:
            raise ModelError(f"{path} is in no registry: publish it there first, or set worker.model to its folder.")
        self._write(chosen)
        return chosen

    def _write(self, chosen: str) -> None:
        temporary = self.folder / f".{IN_USE}-{os.getpid()}"
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            temporary.write_text(chosen + "\n", "utf-8")
            temporary.replace(self.folder / IN_USE)
        except OSError as error:
            raise ModelError(
                f"{self.folder} cannot be written ({error.strerror}): set worker.registry to a folder of your own."
            ) from error


def installed_models() -> Path:
    """Return the folder of the models that are installed beside the worker."""
    spec = find_spec("worker")  # not imported: it may lie beside us without what it needs
    places = list(spec.submodule_search_locations or ()) if spec else []
    return Path(places[0] if places else "worker") / "models"
