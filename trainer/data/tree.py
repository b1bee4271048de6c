"""A folder or a zip file, looked at the same way; a zip is read where it lies and unpacked nowhere."""

import zipfile
import zlib
from pathlib import Path
from typing import IO, Final, Protocol

from trainer.data.faces import DataError, NoDataError

# FER2013 is 0.3 GB as a table and 0.1 GB as pictures: what is far beyond is a mistake or a bomb.
MOST_BYTES: Final = 8 << 30
MOST_ENTRIES: Final = 2_000_000
MOST_RATIO: Final = 200  # of what is inside to the zip's own size; pictures and tables stay below 10

READ_ERRORS: Final = (OSError, zipfile.BadZipFile, zlib.error, NotImplementedError, EOFError)
"""What reading a file of a damaged tree may raise."""


class Tree(Protocol):
    """Files in folders. Paths are relative, with slashes; "" is the top."""

    name: str

    def folders(self, path: str) -> list[str]:
        """Names of the folders in a folder, sorted; hidden ones left out."""

    def files(self, path: str) -> list[str]:
        """Names of the files in a folder, sorted; hidden ones left out."""

    def size(self, path: str) -> int:
        """Bytes of a file."""

    def open(self, path: str) -> IO[bytes]:
        """Open a file. It and its reading raise one of READ_ERRORS."""


class Folder:
    """A folder on disk."""

    def __init__(self, root: Path) -> None:
        self.name = str(root)
        self._root = root

    def folders(self, path: str) -> list[str]:
        """Names of the folders in a folder."""
        return [entry.name for entry in self._entries(path) if entry.is_dir()]

    def files(self, path: str) -> list[str]:
        """Names of the files in a folder."""
        return [entry.name for entry in self._entries(path) if entry.is_file()]

    def size(self, path: str) -> int:
        """Bytes of a file."""
        return (self._root / path).stat().st_size

    def open(self, path: str) -> IO[bytes]:
        """Open a file."""
        return (self._root / path).open("rb")

    def _entries(self, path: str) -> list[Path]:
        try:
            return sorted(entry for entry in (self._root / path).iterdir() if _shown(entry.name))
        except OSError as error:
            raise DataError(f"{self._root / path} cannot be read ({error.strerror}): check its permissions.") from error


class Zip:
    """The files in a zip. Raises DataError for one that is damaged, encrypted or far too large."""

    def __init__(self, path: Path) -> None:
        self.name = str(path)
        try:
            self._archive = zipfile.ZipFile(path)
        except PermissionError as error:
            raise NoDataError(f"{path} cannot be read ({error.strerror}): check its permissions.") from error
        except READ_ERRORS as error:
            raise DataError(f"{path} is no zip that can be read ({error}); download it again.") from error
        # Some Windows programs write backslashes, which the standard does not know.
        self._infos = {info.filename.replace("\\", "/"): info for info in self._archive.infolist() if not info.is_dir()}
        self._refuse_bombs(path)
        self._inside: dict[str, tuple[set[str], set[str]]] = {"": (set(), set())}
        for name in self._infos:
            self._list(name)

    def folders(self, path: str) -> list[str]:
        """Names of the folders in a folder."""
        return sorted(self._inside[path][0])

    def files(self, path: str) -> list[str]:
        """Names of the files in a folder."""
        return sorted(self._inside[path][1])

    def size(self, path: str) -> int:
        """Bytes of a file, unpacked."""
        return self._infos[path].file_size

    def open(self, path: str) -> IO[bytes]:
        """Open a file; it gives no more bytes than `size` says."""
        return self._archive.open(self._infos[path])

    def _refuse_bombs(self, path: Path) -> None:
        total, packed = sum(info.file_size for info in self._infos.values()), path.stat().st_size
        if total > MOST_BYTES or len(self._infos) > MOST_ENTRIES or total > MOST_RATIO * packed:
            raise DataError(
                f"{path} holds {len(self._infos)} files of {total / 1e9:.1f} GB in {packed / 1e6:.1f} MB, which is no "
                "data set of faces; unpack it yourself if you trust it."
            )
        if any(info.flag_bits & 1 for info in self._archive.infolist()):
            raise DataError(f"{path} is encrypted; unpack it, and name the folder.")

    def _list(self, name: str) -> None:
        """Note a file and the folders that lead to it."""
        parts = name.split("/")
        if not all(_shown(part) for part in parts):
            return
        here = ""
        for part in parts[:-1]:
            self._inside[here][0].add(part)
            here = f"{here}/{part}" if here else part
            self._inside.setdefault(here, (set(), set()))
        self._inside[here][1].add(parts[-1])


def join(path: str, name: str) -> str:
    """The path of something in a folder of a tree."""
    return f"{path}/{name}" if path else name


def _shown(name: str) -> bool:
    """Whether a name is not hidden; `..` and empty parts, which only a forged zip has, are hidden too."""
    return bool(name) and not name.startswith((".", "__MACOSX"))
