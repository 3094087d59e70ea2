"""Audiences: a saved selection of people from a source, by conditions and by where they live.

What is saved is the tree and the names of places, not their coordinates: a place that moves in its file moves
here too. Every use asks the source anew. SQL does all but polygons, whose box it looks up.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from sqlalchemy import ColumnElement, Engine, and_, true

from engine.campaign import places
from engine.campaign.geography import MAX_WITHIN, Circle, Column, Polygon
from engine.campaign.query import compiled
from engine.conditions.filters import from_json, to_json, write
from engine.conditions.language import parse
from engine.errors import NotFound, Refused, UsageError
from engine.files.drafts import write_list
from engine.gateways.erp import Erp, erp, told
from engine.settings import Settings, safe_name
from storage import audience as store
from storage import audit
from storage.db import Record, reading, writing
from storage.vocab import FieldKind

WHERE = ("lat", "lon")
POINT = re.compile(r"\s*(-?\d{1,3}(?:\.\d+)?)\s*,\s*(-?\d{1,3}(?:\.\d+)?)\s*")
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
NUMBER = re.compile(r"[+-]?\d+(?:[.,]\d+)?")


@dataclass(frozen=True, slots=True)
class Wanted:
    """A selection as an operator says it; `near` is kind:name or LAT,LON."""

    source: str
    where: str = ""
    near: str = ""
    within: float | None = None
    inside: str = ""


@dataclass(frozen=True)
class Selection:
    """What a source is asked for now."""

    source: Erp
    where: ColumnElement[bool]
    polygon: Polygon | None

    def count(self) -> int:
        """How many people there are."""
        if self.polygon is None:
            return self.source.count(self.where)
        return sum(map(self._holds, self.source.rows(self.where, WHERE)))

    def rows(self, limit: int | None = None) -> Iterator[dict[str, str]]:
        """Our name -> text; with a limit the first by their key, else all in no order."""
        names, ordered = tuple(self.source.fields), limit is not None
        if self.polygon is None:
            found = self.source.rows(self.where, names, ordered=ordered, limit=limit)
        else:
            everybody = self.source.rows(self.where, (*names, *WHERE), ordered=ordered)
            found = islice(filter(self._holds, everybody), limit)
        for row in found:
            yield dict(zip(names, map(told, row), strict=False))

    def _holds(self, row: tuple[Any, ...]) -> bool:
        """Is it in the polygon? A row's last two values are where he lives."""
        return self.polygon is None or self.polygon.holds(float(row[-2]), float(row[-1]))

    def checked(self) -> int:
        """How many people there are; Refused when the source gives no more than a part of them."""
        found = self.count()
        if found > self.source.max_rows:
            raise Refused(
                f"{found} people are more than source {self.source.name} gives at once"
                f" (max_rows = {self.source.max_rows}): narrow the audience or raise that"
            )
        return found


class Audiences:
    """Load, ask, save."""

    def __init__(self, engine: Engine, settings: Settings) -> None:
        self._engine, self._settings = engine, settings

    def define(self, name: str, wanted: Wanted, actor: str) -> bool:
        """Save a selection; False when one of that name was there and means this from now on.

        UsageError tells what is wrong with it, NotFound that a place is not known; the source is asked for
        its fields only.
        """
        safe_name(name)
        source = erp(self._settings, wanted.source)
        kinds = {key: field.kind for key, field in source.fields.items()}
        stored = {
            "where": to_json(parse(wanted.where, kinds)) if wanted.where.strip() else None,
            "near": self._near(wanted),
            "inside": self._place(wanted.inside, polygon=True) if wanted.inside else None,
        }
        if stored["near"] or stored["inside"]:
            self._check_where(source)
        self._selection(source, stored)
        now = self._settings.now()
        with writing(self._engine) as connection:
            new = store.find(connection, name) is None
            store.save(connection, name, wanted.source, stored, now)
            deed, detail = "audience.define", {"source": wanted.source, "filter": stored}
            audit.note(connection, at=now, actor=actor, deed=deed, subject=name, **detail)
        return new

    def show(self, name: str) -> dict[str, Any]:
        """An audience as it would be defined again; NotFound when there is none."""
        return _told(self._row(name))

    def all(self) -> list[dict[str, Any]]:
        """Every audience."""
        with reading(self._engine) as connection:
            return [_told(row) for row in store.audiences(connection)]

    def selection(self, name: str) -> Selection:
        """What an audience means now."""
        row = self._row(name)
        return self._selection(erp(self._settings, row.source), row.filter)

    def export(self, name: str, file: Path) -> int:
        """Write its people as CSV, whole or not at all; how many."""
        selection = self.selection(name)
        selection.checked()
        people = (map(plain, row.values()) for row in selection.rows())
        return write_list(file, selection.source.fields, people)

    def _row(self, name: str) -> Record:
        with reading(self._engine) as connection:
            row = store.find(connection, name)
        if row is None:
            raise NotFound(f"no audience named {name!r}")
        return row

    def _near(self, wanted: Wanted) -> dict[str, Any] | None:
        if bool(wanted.near) != (wanted.within is not None):
            raise UsageError("--near and --within (metres) go together")
        if not wanted.near or wanted.within is None:
            return None
        if not 1 <= wanted.within <= MAX_WITHIN:
            raise UsageError(f"--within: 1 to {MAX_WITHIN:.0f} metres")
        point = _point(wanted.near)
        where = {"point": point} if point else self._place(wanted.near, polygon=False)
        return {**where, "metres": wanted.within}

    def _place(self, name: str, *, polygon: bool) -> dict[str, Any]:
        """A place's name in full, which is what is stored."""
        found = places.find(self._engine, name)
        if polygon and not found.polygon:
            raise UsageError(f"{name!r} has no polygon; write --near and --within")
        if not polygon and found.lat is None:
            raise UsageError(f"{name!r} has no coordinates of one point; write --inside")
        return {"place": [found.kind, found.name, found.city]}

    @staticmethod
    def _check_where(source: Erp) -> None:
        for name in WHERE:
            field = source.fields.get(name)
            if field is None or field.kind not in (FieldKind.NUMBER, FieldKind.UNKNOWN):
                raise UsageError(f"source {source.name} has no {name} that is a number")

    def _selection(self, source: Erp, stored: Any) -> Selection:
        """The stored conditions as SQL over the source as it is now."""
        today = self._settings.now().astimezone().date()
        where = [compiled(from_json(stored["where"]), source, today)] if stored["where"] else []
        polygon = None
        if stored["near"] or stored["inside"]:
            self._check_where(source)
            lat: Column = source.fields["lat"].column
            lon: Column = source.fields["lon"].column
        if near := stored["near"]:
            north, east = near.get("point") or self._found(near["place"])[:2]
            where.append(Circle(north, east, near["metres"]).sql(lat, lon))
        if stored["inside"]:
            polygon = Polygon(self._found(stored["inside"]["place"])[2])
            where.append(polygon.box(lat, lon))
        return Selection(source, and_(true(), *where), polygon)

    def _found(self, place: list[str]) -> tuple[Any, Any, Any]:
        """(lat, lon, polygon) of a stored place; NotFound when it is no more."""
        kind, name, city = place
        with reading(self._engine) as connection:
            named = store.places_named(connection, kind, places.search_key(name))
        for row in named:
            if row.city == city:
                return row.lat, row.lon, row.polygon
        raise NotFound(f"the place {kind}:{name}, {city} is no more; load it or define the audience anew")


def _point(text: str) -> list[float] | None:
    """[lat, lon] when that is what the text is."""
    found = POINT.fullmatch(text)
    if not found:
        return None
    lat, lon = float(found[1]), float(found[2])
    if abs(lat) > 90 or abs(lon) > 180:
        raise UsageError(f"{text}: beyond 90 degrees of latitude or 180 of longitude")
    return [lat, lon]


def _told(row: Record) -> dict[str, Any]:
    """An audience in the words of `define`."""
    stored = row.filter
    near, inside = stored["near"] or {}, stored["inside"] or {}
    return {
        "name": row.name,
        "source": row.source,
        "where": write(from_json(stored["where"])) if stored["where"] else "",
        "near": ",".join(map(str, near["point"])) if "point" in near else _name(near),
        "within": near.get("metres"),
        "inside": _name(inside),
        "changed_at": row.changed_at,
    }


def _name(stored: dict[str, Any]) -> str:
    if "place" not in stored:
        return ""
    kind, name, city = stored["place"]
    return f"{kind}:{name}, {city}" if city else f"{kind}:{name}"


def plain(cell: str) -> str:
    """A cell that no spreadsheet takes for a formula (OWASP, CSV injection); numbers and phones stay."""
    return f"'{cell}" if cell.startswith(FORMULA) and not NUMBER.fullmatch(cell) else cell
