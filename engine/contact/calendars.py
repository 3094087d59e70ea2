"""Production calendars of countries: the library `holidays`, and the operator's own file over it.

The file is CSV, `country;date;kind` with a header, kind one of working, weekend, holiday:

    country;date;kind
    RU;2026-03-30;holiday
"""

import csv
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Any

from engine.contact.hours import Calendar, DayKind
from engine.errors import FileError, SettingsError

COLUMNS = ["country", "date", "kind"]
# Where days off are moved by a decree for each year: a year without one is not settled.
DECREED = frozenset({"RU"})


class Days(Mapping[date, DayKind]):
    """A country's days that are not as the plain week has them; a year is worked out when it is asked for."""

    def __init__(self, country: str, own: Mapping[date, DayKind]) -> None:
        self._country, self._own = country, own
        self._years: dict[int, Mapping[date, DayKind]] = {}

    def __getitem__(self, day: date) -> DayKind:
        if day.year not in self._years:
            own = {date_: kind for date_, kind in self._own.items() if date_.year == day.year}
            self._years[day.year] = {**_year(self._country, day.year), **own}
        return self._years[day.year][day]

    def __iter__(self) -> Iterator[date]:
        return (day for year in self._years.values() for day in year)

    def __len__(self) -> int:
        return sum(map(len, self._years.values()))


def calendar(country: str, own: str = "") -> Calendar:
    """A country's (ISO 3166, two letters); `own`: the operator's file, "" for none.

    SettingsError: a country that nobody knows; FileError: the file, with the line.
    """
    days = read(Path(own)).get(country, {}) if own else {}
    found = _library()(country, years=())
    known = date(found.end_year, 12, 31)
    if country in DECREED:  # the library has moved days as far as they are decreed
        known = date(max(found.special_public_holidays), 12, 31)
    return Calendar(Days(country, days), frozenset(found.weekend), known)


def read(path: Path) -> Mapping[str, Mapping[date, DayKind]]:
    """Country -> day -> kind, as the operator wrote it. FileError: what is wrong, with the line."""
    days: dict[str, dict[date, DayKind]] = {}
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise FileError(f"{path}: {getattr(error, 'strerror', None) or 'not UTF-8'}") from None
    for number, row in enumerate(csv.reader(lines, delimiter=";"), start=1):
        cells = [cell.strip() for cell in row]
        if number == 1 and cells != COLUMNS:
            raise FileError(f"{path}, line 1: the header must be {';'.join(COLUMNS)}")
        if number == 1 or not any(cells):
            continue
        try:
            country, day, kind = _row(cells)
            said = days.setdefault(country, {}).setdefault(day, kind)
        except (ValueError, SettingsError) as error:
            raise FileError(f"{path}, line {number}: {error}") from None
        if said is not kind:
            raise FileError(f"{path}, line {number}: {country} {day} is {said} further up")
    return days


def _row(cells: list[str]) -> tuple[str, date, DayKind]:
    """A line's meaning; ValueError or SettingsError when it has none."""
    if len(cells) != len(COLUMNS):
        raise ValueError(f"it has {len(cells)} values, not {len(COLUMNS)}")
    country, day, kind = cells
    if not re.fullmatch("[A-Z]{2}", country):
        raise ValueError(f"{country!r}: a country is two letters, as RU")
    _library()(country, years=())
    if kind not in list(DayKind):
        raise ValueError(f"{kind!r}: a day is {', '.join(DayKind)}")
    return country, date.fromisoformat(day), DayKind(kind)


def _year(country: str, year: int) -> Mapping[date, DayKind]:
    found = _library()(country, years=year)
    return dict.fromkeys(found, DayKind.HOLIDAY) | dict.fromkeys(found.weekend_workdays, DayKind.WORKING)


def _library() -> Callable[..., Any]:
    """`holidays.country_holidays`, imported when it is needed. Holidays of regions are not in it."""
    import holidays

    def country(name: str, years: Any) -> Any:
        try:
            return holidays.country_holidays(name, years=years, expand=False)
        except RuntimeError:  # a kind of it: the country is not implemented
            raise SettingsError(f"no calendar of the country {name!r} is known") from None

    return country
