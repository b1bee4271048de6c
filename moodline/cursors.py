"""Places in the event feeds of all partitions, as text that subscribers give back."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

Cursor = str
"""Opaque place in the event feeds of all partitions; ``""`` is before the oldest event that is still there."""


@dataclass(frozen=True, slots=True)
class Place:
    """A place in one feed: its last entry that is known, and the last event's sequence number (None: not known)."""

    entry: str = "0-0"
    sequence: int | None = None


BEGINNING: Final = Place()
"""Before the oldest entry that is kept: nothing that left the feed earlier is missed by whoever begins there."""


def pack(places: Mapping[int, Place]) -> Cursor:
    """Return the places of all partitions as a cursor."""
    return ".".join(f"{number}_{_text(place)}" for number, place in sorted(places.items()))


def unpack(cursor: Cursor, partitions: int) -> dict[int, Place]:
    """Return the place in each partition's feed. Raises ValueError for what is no cursor."""
    places = dict.fromkeys(range(partitions), BEGINNING)
    for part in cursor.split(".") if cursor else []:
        number, _, place = part.partition("_")
        numbers = place.split("-")
        known = number.isdecimal() and int(number) in places
        if not known or len(numbers) not in {2, 3} or not all(text.isdecimal() for text in numbers):
            raise ValueError("is no cursor of an event feed; leave it out to begin with the oldest event")
        places[int(number)] = Place("-".join(numbers[:2]), int(numbers[2]) if len(numbers) > 2 else None)
    return places


def _text(place: Place) -> str:
    return place.entry if place.sequence is None else f"{place.entry}-{place.sequence}"
