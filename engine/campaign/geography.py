"""Near and inside: circles and polygons on the globe, for SQL and for a stream of coordinates.

Degrees of WGS 84, latitude first; the earth is a ball of its mean radius (an error of at most 0.5 %).
A circle is a box in SQL, which an index serves, and the haversine of what is left; a box that reaches a pole
has all longitudes, one that crosses the 180th meridian is two. A polygon is its box in SQL, and here the
even-odd rule over its edges; its border belongs to it or not, as rounding has it.
"""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from math import asin, cos, degrees, radians, sin, sqrt

from sqlalchemy import ColumnElement, and_, func, or_

from engine.errors import UsageError

EARTH_M = 6_371_008.8  # the mean radius by IUGG
HALF = 180.0
MAX_WITHIN = 1_000_000.0
Column = ColumnElement[float]
Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Circle:
    """Within so many metres of a point."""

    lat: float
    lon: float
    metres: float

    def box(self, lat: Column, lon: Column) -> ColumnElement[bool]:
        """What contains it and can be looked up."""
        angle = self.metres / EARTH_M
        low, high = self.lat - degrees(angle), self.lat + degrees(angle)
        rows = lat.between(max(low, -90.0), min(high, 90.0))
        if low <= -90 or high >= 90:
            return and_(rows, lon.is_not(None))
        reach = degrees(asin(sin(angle) / cos(radians(self.lat))))
        west, east = self.lon - reach, self.lon + reach
        if west < -HALF:
            return and_(rows, or_(lon >= west + 2 * HALF, lon <= east))
        if east > HALF:
            return and_(rows, or_(lon >= west, lon <= east - 2 * HALF))
        return and_(rows, lon.between(west, east))

    def sql(self, lat: Column, lon: Column) -> ColumnElement[bool]:
        """Its box, and within it the haversine, true to 2 cm.

        Written with 1 - cos: the square of a sine of next to nothing is an error in PostgreSQL (underflow).
        So is a product with next to nothing: the centre is taken to a millimetre.
        """
        up = 1 - func.cos((lat - round(self.lat, 8)) * radians(1))
        across = 1 - func.cos((lon - round(self.lon, 8)) * radians(1))
        twice = up + across * func.cos(lat * radians(1)) * cos(radians(self.lat))
        return and_(self.box(lat, lon), twice <= 2 * sin(self.metres / EARTH_M / 2) ** 2)


def metres(one: Point, other: Point) -> float:
    """How far two points are apart."""
    up, across = radians(other[0] - one[0]) / 2, radians(other[1] - one[1]) / 2
    haversine = sin(up) ** 2 + sin(across) ** 2 * cos(radians(one[0])) * cos(radians(other[0]))
    return 2 * EARTH_M * asin(min(1.0, sqrt(haversine)))


class Polygon:
    """A closed line of points. Its height is cut at every point into bands, each with the edges across it."""

    def __init__(self, points: Sequence[Sequence[float]]) -> None:
        ring = [(float(lat), float(lon)) for lat, lon in points]
        self._check(ring)
        self._cuts = sorted({lat for lat, _lon in ring})
        self._west, self._east = min(lon for _lat, lon in ring), max(lon for _lat, lon in ring)
        self._bands: list[list[tuple[Point, Point]]] = [[] for _ in self._cuts]
        for one, other in zip(ring, [*ring[1:], ring[0]], strict=True):
            low, high = sorted((one, other))
            for band in range(bisect_left(self._cuts, low[0]), bisect_left(self._cuts, high[0])):
                self._bands[band].append((low, high))

    @staticmethod
    def _check(ring: list[Point]) -> None:
        if len(set(ring)) < 3:
            raise UsageError("a polygon has at least three points")
        if not all(-90 <= lat <= 90 and -HALF <= lon <= HALF for lat, lon in ring):
            raise UsageError("a point of the polygon is beyond 90 or 180 degrees")
        longitudes = [lon for _lat, lon in ring]
        if max(longitudes) - min(longitudes) >= HALF:
            raise UsageError("the polygon crosses the 180th meridian: make two of it, one on each side")

    def box(self, lat: Column, lon: Column) -> ColumnElement[bool]:
        """What contains it and can be looked up."""
        return and_(lat.between(self._cuts[0], self._cuts[-1]), lon.between(self._west, self._east))

    def holds(self, lat: float, lon: float) -> bool:
        """Is the point inside: does a line from it to the east cross an odd number of edges?"""
        band = bisect_left(self._cuts, lat) - 1
        if band < 0 or lat > self._cuts[-1]:
            return False
        crossed = 0
        for (south, first), (north, second) in self._bands[band]:
            crossed += lon < first + (second - first) * (lat - south) / (north - south)
        return crossed % 2 == 1
