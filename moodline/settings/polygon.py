"""Polygons in a picture, in shares of its width and height, so that they hold at any resolution."""

from typing import Annotated, Final

from pydantic import AfterValidator, Field

_LEAST_CORNERS: Final = 3

Point = tuple[float, float]
"""Share of the width from the left, share of the height from the top."""
Polygon = tuple[Point, ...]


def _drawable(polygons: tuple[Polygon, ...]) -> tuple[Polygon, ...]:
    for polygon in polygons:
        if len(polygon) < _LEAST_CORNERS or any(not 0 <= share <= 1 for point in polygon for share in point):
            raise ValueError(
                "must be a list of polygons, each of three or more corners [x, y] from 0 to 1, such as "
                "[[[0, 0], [0.5, 0], [0.5, 1], [0, 1]]] for the left half"
            )
    return polygons


Polygons = Annotated[tuple[Polygon, ...], Field(max_length=32), AfterValidator(_drawable)]
