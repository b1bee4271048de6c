"""Videos that are handed in as multipart/form-data: written to their file while they come, never held in memory."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final

from fastapi import HTTPException, Request
from python_multipart import MultipartParser
from python_multipart.exceptions import MultipartParseError
from python_multipart.multipart import parse_options_header
from starlette.concurrency import run_in_threadpool

from moodline.jobs.files import explain_full_disk

if TYPE_CHECKING:
    from python_multipart.multipart import MultipartCallbacks

_MOST_TEXT: Final = 1024
_MOST_PARTS: Final = 8
_LONGEST_NAME: Final = 200
_TRUE: Final = frozenset({"true", "1", "on", "yes"})


@dataclass(slots=True)
class Upload:
    """What came: the name that the sender gives the video, its bytes, and the other fields."""

    name: str = ""
    size: int = 0
    fields: dict[str, str] = field(default_factory=dict)

    def asks_for(self, name: str) -> bool:
        """Return whether a field says yes."""
        return self.fields.get(name, "").strip().lower() in _TRUE


class WrongUploadError(HTTPException):
    """A body that is no multipart form with a video: 422."""

    def __init__(self, sentence: str) -> None:
        super().__init__(HTTPStatus.UNPROCESSABLE_ENTITY, sentence)


async def receive_upload(request: Request, target: Path) -> Upload:
    """Write the part ``video`` of a request to ``target``, a file that is there, and return what came.

    Raises WrongUploadError, FolderFullError.
    """
    _, options = parse_options_header(request.headers.get("content-type", ""))
    boundary = options.get(b"boundary")
    if not boundary:
        raise WrongUploadError("The form has no boundary: send multipart/form-data with a part 'video'.")
    try:
        with target.open("r+b") as file:
            form = _Form(file)
            await _parse(MultipartParser(boundary, form.callbacks()), request.stream())
            file.truncate()
    except MultipartParseError as error:
        raise WrongUploadError("The form is broken: send multipart/form-data with a part 'video'.") from error
    except OSError as error:
        explain_full_disk(error)
        raise
    if not form.whole:
        raise WrongUploadError("The form ends in its middle: send all of it.")
    if not form.upload.size:
        raise WrongUploadError("The form has no part 'video' with a file in it.")
    return form.upload


async def _parse(parser: MultipartParser, chunks: AsyncIterator[bytes]) -> None:
    async for chunk in chunks:
        # Parsing writes to the disk, which must not hold up other requests.
        await run_in_threadpool(parser.write, chunk)


class _Form:
    """Takes the parts as the parser finds them."""

    def __init__(self, file: IO[bytes]) -> None:
        self.upload = Upload()
        self.whole = False
        self._file = file
        self._parts = 0
        self._header: tuple[bytearray, bytearray] = (bytearray(), bytearray())
        self._disposition = b""
        self._part = ""
        self._text = bytearray()

    def callbacks(self) -> "MultipartCallbacks":
        """Return what the parser is to call."""
        return {
            "on_part_begin": self._begin,
            "on_header_field": lambda data, start, end: self._add_to_header(0, data[start:end]),
            "on_header_value": lambda data, start, end: self._add_to_header(1, data[start:end]),
            "on_header_end": self._end_header,
            "on_headers_finished": self._name_part,
            "on_part_data": lambda data, start, end: self._take(data[start:end]),
            "on_part_end": self._end_part,
            "on_end": self._end,
        }

    def _begin(self) -> None:
        self._parts += 1
        if self._parts > _MOST_PARTS:
            raise WrongUploadError(f"The form has more than {_MOST_PARTS} parts.")
        self._part, self._disposition = "", b""
        self._text.clear()

    def _add_to_header(self, index: int, data: bytes) -> None:
        self._header[index].extend(data)
        if len(self._header[index]) > _MOST_TEXT:
            raise WrongUploadError("A part of the form has a header that is too long.")

    def _end_header(self) -> None:
        if bytes(self._header[0]).lower() == b"content-disposition":
            self._disposition = bytes(self._header[1])
        self._header = (bytearray(), bytearray())

    def _name_part(self) -> None:
        _, options = parse_options_header(self._disposition)
        self._part = options.get(b"name", b"").decode("utf-8", "replace")
        if self._part == "video":
            if self.upload.size:
                raise WrongUploadError("The form has two videos: send one at a time.")
            self.upload.name = shown_name(options.get(b"filename", b"").decode("utf-8", "replace"))

    def _take(self, data: bytes) -> None:
        if self._part == "video":
            self._file.write(data)
            self.upload.size += len(data)
        elif len(self._text) + len(data) <= _MOST_TEXT:
            self._text.extend(data)
        else:
            raise WrongUploadError(f"The part {self._part[:40]!r} of the form is too long.")

    def _end_part(self) -> None:
        if self._part and self._part != "video":
            self.upload.fields[self._part[:40]] = self._text.decode("utf-8", "replace")

    def _end(self) -> None:
        self.whole = True


def shown_name(given: str) -> str:
    """Return the name of a file as it may be shown: without folders and what cannot be printed."""
    last = given.replace("\\", "/").rpartition("/")[2]
    return "".join(sign for sign in last if sign.isprintable())[:_LONGEST_NAME].strip() or "video"
