"""The law packs that there are, and the law that several of them make for a campaign.

Ours are in etc/law, the operator's in `contact.law_dir`; beside them the pack `own`, his limits out of the
settings, holds for every campaign. Packs are read once a process: a change takes effect with a restart.
"""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from engine.contact.calendars import calendar
from engine.contact.law import Law, Pack
from engine.contact.lawfile import read
from engine.contact.limits import Counts, Limit, Period, Scope
from engine.errors import SettingsError, UsageError
from engine.settings import Settings, share

OWN = "own"


class _Ours(NamedTuple):
    """The settings that a law depends on."""

    law_dir: str
    calendar: str
    margin_s: int
    attempts_day: int
    attempts_week: int
    attempts_month: int
    gap_s: int


def law_of(settings: Settings, names: Sequence[str]) -> Law:
    """The law of these packs together, and of the operator's own limits.

    UsageError: no pack named, or one that is not there; SettingsError: a pack, or the file of the calendar,
    that is not understood.
    """
    return _law(tuple(names), _ours(settings))


def packs(settings: Settings) -> Mapping[str, Pack]:
    """Every pack by its name: ours, the operator's, and `own`."""
    ours = _ours(settings)
    return {**_packs(ours.law_dir), OWN: _own(ours)}


def _ours(settings: Settings) -> _Ours:
    return _Ours(*(getattr(settings.contact, name) for name in _Ours._fields))


@lru_cache(maxsize=64)
def _law(names: tuple[str, ...], ours: _Ours) -> Law:
    there = _packs(ours.law_dir)
    unknown = [name for name in names if name not in there]
    if unknown or not names:
        missing = ", ".join(map(repr, unknown)) or "''"
        raise UsageError(f"no law pack named {missing}; there are: {', '.join(there)}")
    chosen = (*(there[name] for name in dict.fromkeys(names)), _own(ours))
    countries = {pack.country for pack in chosen if pack.country}
    calendars = {country: calendar(country, ours.calendar) for country in countries}
    return Law(chosen, calendars, timedelta(seconds=ours.margin_s))


@lru_cache(maxsize=4)
def _packs(law_dir: str) -> Mapping[str, Pack]:
    found = _in(share("etc/law"))
    if law_dir:
        if not Path(law_dir).is_dir():
            raise SettingsError(f"contact.law_dir: {law_dir}: no such folder")
        operators = _in(Path(law_dir))
        taken = sorted(operators.keys() & {*found, OWN})
        if taken:
            raise SettingsError(
                f"{law_dir}/{taken[0]}.toml: a shipped pack has this name; give yours another"
            )
        found |= operators
    return found


def _in(folder: Path) -> dict[str, Pack]:
    return {path.stem: read(path) for path in sorted(folder.glob("*.toml"))}


def _own(ours: _Ours) -> Pack:
    """The operator's limits: calls placed to a person, whatever the law."""
    most = {
        Period.DAY: ours.attempts_day,
        Period.WEEK: ours.attempts_week,
        Period.MONTH: ours.attempts_month,
    }
    limits = [
        Limit(period, count, Scope.PERSON, Counts.PLACED, period, source=f"contact.attempts_{period}")
        for period, count in most.items()
        if count
    ]
    if ours.gap_s:
        gap = timedelta(seconds=ours.gap_s)
        limits.append(Limit("gap", 1, Scope.PERSON, Counts.PLACED, None, gap, source="contact.gap_s"))
    return Pack(
        name=OWN,
        version="1",
        title={"ru": "Собственные пределы, из настроек", "en": "Our own limits, out of the settings"},
        effective=date(1970, 1, 1),
        limits=tuple(limits),
        sources={"effective": "zvonar.toml"},
    )
