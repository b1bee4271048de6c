"""The size of a JPEG, read from its header alone: whoever decodes it must know how large it becomes."""

from typing import Final

_START: Final = b"\xff\xd8"
_END_OF_HEADERS: Final = 0xDA
# Start of frame, of all kinds but those that nobody sends: DHT, JPG and DAC stand between them.
_FRAMES: Final = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}


def jpeg_size(data: bytes) -> tuple[int, int] | None:
    """Return width and height in pixels, or None where ``data`` is no JPEG."""
    if not data.startswith(_START):
        return None
    at = len(_START)
    while at + 9 <= len(data) and data[at] == 0xFF:
        marker, length = data[at + 1], int.from_bytes(data[at + 2 : at + 4], "big")
        if marker in _FRAMES:
            height, width = (int.from_bytes(data[at + place : at + place + 2], "big") for place in (5, 7))
            return (width, height) if width and height else None
        if marker == _END_OF_HEADERS or length < 2:
            return None
        at += 2 + length
    return None
