"""Places by name: stations, districts, offices. They come from a CSV and are found as people write them.

    kind;name;city;lat;lon;polygon
    metro;Технологический институт;Санкт-Петербург;59.9165;30.3185;
    district;Адмиралтейский;Санкт-Петербург;;;POLYGON((30.28 59.90, 30.33 59.90, 30.33 59.94, 30.28 59.90))

A polygon is WKT or GeoJSON (longitude first in both), one ring without holes. A file is the whole truth for
each kind and city that it names: what it has no more is gone. With one wrong line nothing of it is taken.
"""

import json
import re
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from sqlalchemy import Engine

from engine.campaign.geography import Polygon
from engine.errors import FileError, NotFound, UsageError
from engine.files.sheets import EXTRA, rows
from storage import audience as store
from storage.db import Record, reading, writing

COLUMNS = ("kind", "name", "city", "lat", "lon")
TOLD = 20  # mistakes of one file
BEFORE = re.compile(r"^(?:ст(?:анция|\.)?\s+(?=м))?(?:станция|метро|м\.|район|р-н|город|г\.)\s*")
AFTER = re.compile(r"\s+(?:район|р-н)$")
WKT = re.compile(r"\s*POLYGON\s*\(\((?P<ring>[^()]*)\)\)\s*", re.IGNORECASE)
KIND = re.compile(r"[a-z][a-z0-9-]{0,31}")


@dataclass(frozen=True, slots=True)
class Place:
    """A place as its file tells it; `polygon` is [[lat, lon], …]."""

    kind: str
    name: str
    city: str
    lat: float | None
    lon: float | None
    polygon: list[list[float]] | None


def search_key(name: str) -> str:
    """A name as it is looked for: small letters, ё as е, one space, without `м.`, `метро`, `район`."""
    plain = " ".join(name.lower().replace("ё", "е").replace("–", "-").split())
    return AFTER.sub("", BEFORE.sub("", plain)) or plain


def load(engine: Engine, file: Path) -> int:
    """Take a file's places; how many. FileError names every line that is wrong (the first twenty)."""
    found: dict[tuple[str, str, str], Place] = {}
    wrong: list[str] = []
    for line, row in rows(file, *COLUMNS):
        try:
            place = _place(row)
            key = (place.kind, search_key(place.name), place.city)
            if key in found:
                raise UsageError(f"{place.kind} {place.name!r} of {place.city!r} is there already")
            found[key] = place
        except UsageError as error:
            wrong.append(f"line {line}: {error}")
    if wrong:
        more = f"; and {len(wrong) - TOLD} more" if len(wrong) > TOLD else ""
        raise FileError(f"{file}: " + "; ".join(wrong[:TOLD]) + more)
    if not found:
        raise FileError(f"{file}: it has no places")
    taken = [{name: getattr(place, name) for name in Place.__slots__} for place in found.values()]
    with writing(engine) as connection:
        store.replace_places(
            connection, [row | {"search": key[1]} for row, key in zip(taken, found, strict=True)]
        )
    return len(found)


def _place(row: dict[str, str]) -> Place:
    if EXTRA in row:
        raise UsageError("more cells than the header has columns")
    kind, name = row["kind"].lower(), row["name"]
    if not KIND.fullmatch(kind):
        raise UsageError("kind: a short word: metro, district, office")
    if not name or len(name) > 200:
        raise UsageError("name: 1 to 200 characters")
    polygon = _ring(row["polygon"]) if row.get("polygon") else None
    lat, lon = _degrees(row, "lat", 90), _degrees(row, "lon", 180)
    if (lat is None) != (lon is None) or (lat is None and polygon is None):
        raise UsageError("lat and lon: both, or a polygon")
    return Place(kind, name, row["city"], lat, lon, polygon)


def _degrees(row: dict[str, str], name: str, most: int) -> float | None:
    text = row[name].replace(",", ".")
    try:
        found = float(text) if text else None
    except ValueError:
        raise UsageError(f"{name}: {text[:20]!r} is no number of degrees") from None
    if found is not None and not -most <= found <= most:
        raise UsageError(f"{name}: beyond {most} degrees")
    return found


def _ring(text: str) -> list[list[float]]:
    """[[lat, lon], …] of a WKT or GeoJSON polygon."""
    try:
        pairs = _geojson(json.loads(text)) if text.lstrip().startswith("{") else _wkt(text)
        ring = [[float(lat), float(lon)] for lon, lat, *_height in pairs]
    except (ValueError, TypeError):
        raise UsageError("polygon: neither POLYGON((lon lat, …)) nor GeoJSON, with one ring") from None
    if len(ring) > 1 and ring[0] == ring[-1]:
        ring.pop()
    Polygon(ring)
    return ring


def _wkt(text: str) -> list[list[str]]:
    found = WKT.fullmatch(text)
    if not found:
        raise ValueError("no WKT")
    return [pair.split() for pair in found["ring"].split(",")]


def _geojson(tree: Any) -> list[Any]:
    match tree:
        case {"type": "Feature", "geometry": inner}:
            return _geojson(inner)
        case {"type": "Polygon", "coordinates": [list(ring)]}:
            return ring
    raise ValueError("no polygon of one ring")


def find(engine: Engine, told: str) -> Record:
    """The place of `kind:name` or `kind:name, city`; NotFound names the like, UsageError asks which city."""
    kind, colon, name = told.partition(":")
    if not colon or not name.strip():
        raise UsageError(f"{told!r}: a place is written kind:name, for example metro:Парк Победы")
    with reading(engine) as connection:
        found = store.places_named(connection, kind.strip().lower(), search_key(name))
        name, comma, city = name.rpartition(",")
        if not found and comma:
            named = store.places_named(connection, kind.strip().lower(), search_key(name))
            found = [one for one in named if search_key(one.city) == search_key(city)]
        known = [] if found else store.place_names(connection, kind.strip().lower())
    if not found:
        like = get_close_matches(search_key(told.partition(":")[2]), {search_key(one) for one in known}, 3)
        hint = ", ".join(one for one in known if search_key(one) in like)
        raise NotFound(f"no place {told!r}" + (f"; there is: {hint}" if hint else ""))
    if len(found) > 1:
        which = " or ".join(f"{told.strip()}, {one.city}" for one in found)
        raise UsageError(f"{told!r} is in several cities; write {which}")
    return found[0]


def listed(engine: Engine, kind: str = "") -> list[dict[str, Any]]:
    """All places, or those of a kind."""
    with reading(engine) as connection:
        return [
            {
                "kind": one.kind,
                "name": one.name,
                "city": one.city,
                "lat": one.lat,
                "lon": one.lon,
                "polygon": len(one.polygon or []),
            }
            for one in store.places(connection, kind)
        ]
