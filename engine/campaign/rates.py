"""At which hours people answer: learned from results once a minute, asked whenever somebody is to be called.

Any dialer may learn; whoever does holds the mark up to which results are learned, so none counts twice. Each
day takes a little off what is old: half of it is gone after about three weeks.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Engine

from engine.campaign.timing import EVEN, Tally, Week, hour_of, lawful, score
from engine.contact.cases import ZoneSets
from engine.contact.law import Law
from engine.contact.limits import PICKED_UP, TELLING
from engine.settings import Settings
from storage import hours as store
from storage.db import Record, writing
from storage.vocab import Outcome

BATCH = 5000
A_DAY = timedelta(days=1)
KEPT = 0.97  # of a call's weight, a day later
FRESH = timedelta(minutes=1)

Zones = Mapping[int, tuple[ZoneInfo, ...]]


class Rates:
    """What is known of hours, read at most once a minute."""

    def __init__(self) -> None:
        self._weeks: Mapping[int, Week] = {}
        self._read_at: datetime | None = None
        self._lawful: dict[tuple[tuple[str, ...], int, date], frozenset[int]] = {}

    def scores(
        self, connection: Connection, law: Law, zones: Zones, open_: Collection[int], now: datetime
    ) -> dict[int, int]:
        """Zone set -> how good this hour is there, of those that are open."""
        if self._read_at is None or not timedelta(0) <= now - self._read_at < FRESH:
            self._weeks, self._read_at = weeks(store.rates(connection)), now
        return {key: self._score(key, law, zones[key], now) for key in open_}

    def _score(self, key: int, law: Law, zones: tuple[ZoneInfo, ...], now: datetime) -> int:
        week = self._weeks.get(key)
        if not week or not zones:
            return EVEN
        asked = (tuple(pack.name for pack in law.packs), key, now.date())
        if asked not in self._lawful:
            if any(day != now.date() for _packs, _key, day in self._lawful):
                self._lawful.clear()
            self._lawful[asked] = lawful(law, zones, now)
        return score(week, hour_of(now, zones[0]), self._lawful[asked])


def weeks(rows: Collection[Record]) -> dict[int, Week]:
    """Zone set -> hour of its week -> calls; rows as `storage.hours.rates` gives them."""
    found: dict[int, dict[int, Tally]] = defaultdict(dict)
    for row in rows:
        found[row.zone_id][row.hour] = Tally(row.placed, row.answered)
    return dict(found)


def learn(engine: Engine, settings: Settings) -> int:
    """Learn the results that are new, a batch at a time; how many. Another who is at it is left to it."""
    learned, more = 0, True
    while more:
        with writing(engine) as connection:
            mark = store.take_mark(connection, settings.now())
            rows = store.results(connection, mark.position, BATCH) if mark else []
            if mark:
                _learn(connection, mark, rows, settings.now())
        learned += len(rows)
        more = len(rows) == BATCH
    return learned


def _learn(connection: Connection, mark: Record, rows: list[Record], now: datetime) -> None:
    days = (now - mark.faded_at) // A_DAY
    if days > 0:
        store.fade(connection, KEPT**days)
        store.move_mark(connection, faded_at=mark.faded_at + days * A_DAY)
    if rows:
        zones = ZoneSets().read(connection)
        placed: Counter[store.Cell] = Counter()
        answered: Counter[store.Cell] = Counter()
        for row in rows:
            places, outcome = zones.get(row.zone_id, ()), Outcome(row.outcome)
            if places and outcome in TELLING:
                cell = (row.zone_id, hour_of(row.prepared_at, places[0]))
                placed[cell] += 1
                answered[cell] += outcome in PICKED_UP
        store.count(connection, {cell: (calls, answered[cell]) for cell, calls in placed.items()})
        store.move_mark(connection, position=rows[-1].position)
